//! What members of a request do to the fields of images, in SQL that registering and patching share.

/// The members, as the columns of a table `m`; `$1` is their JSON.
macro_rules! members {
    () => {
        "json_to_recordset($1::json) AS m (ordinal integer, space integer, id text, origin text, initial_origin text, \
             media_type text, string1 text, string2 text, string3 text, number1 bigint, number2 bigint, number3 bigint, \
             tags text[], roles text[], max_unauthorised integer, metadata jsonb, resets text[]) "
    };
}

/// Both lists united, each text once, in order of first appearance.
macro_rules! united {
    ($a:literal, $b:literal) => {
        concat!(
            "ARRAY(SELECT t FROM unnest(coalesce(",
            $a,
            ", '{}') || ",
            $b,
            ") WITH ORDINALITY AS u (t, n) GROUP BY t ORDER BY min(n)) "
        )
    };
}

/// What a column of `image i` becomes: what the member says, the default where it says so or where the image begins
/// anew, else what it is.
macro_rules! becomes {
    ($column:literal or $default:literal) => {
        concat!(
            "CASE WHEN m.",
            $column,
            " IS NOT NULL THEN m.",
            $column,
            " WHEN i.deleted_at IS NOT NULL OR '",
            $column,
            "' = ANY (m.resets) THEN ",
            $default,
            " ELSE i.",
            $column,
            " END"
        )
    };
}

/// The same as assignments, for columns that anyone may change at any time.
macro_rules! free_fields {
    () => {
        $crate::queue::fields::assigned!("initial_origin" or "NULL", "metadata" or "NULL", "string1" or "''",
            "string2" or "''", "string3" or "''", "number1" or "0", "number2" or "0", "number3" or "0",
            "max_unauthorised" or "s.default_max_unauthorised")
    };
}

/// `column = what it becomes`, each followed by a comma.
macro_rules! assigned {
    ($($column:literal or $default:literal),*) => {
        concat!($($column, " = ", $crate::queue::fields::becomes!($column or $default), ", "),*)
    };
}

/// Notes images that are served and whose access changes; their descriptors have to follow. Stands before the update
/// in one statement, and so sees what was before it.
macro_rules! access_due {
    () => {
        concat!(
            "due AS (INSERT INTO descriptor_due (customer, space, image) \
                 SELECT i.customer, i.space, i.id FROM m JOIN space s ON s.customer = $2 AND s.id = m.space \
                 JOIN image i ON i.customer = $2 AND i.space = m.space AND i.id = m.id \
                 WHERE i.ready_generation IS NOT NULL AND (i.max_unauthorised <> ",
            $crate::queue::fields::becomes!("max_unauthorised" or "s.default_max_unauthorised"),
            " OR i.roles <> ",
            $crate::queue::fields::becomes!("roles" or "s.default_roles"),
            ") ON CONFLICT DO NOTHING) "
        )
    };
}

pub(super) use {access_due, assigned, becomes, free_fields, members, united};
