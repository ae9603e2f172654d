//! The tables that simple queries read through diesel's query builder. The queue's are written in SQL.

diesel::table! {
    customer (id) {
        id -> Integer,
        name -> Text,
        display_name -> Text,
        administrator -> Bool,
        created -> Timestamptz,
    }
}

diesel::table! {
    api_key (key) {
        key -> Text,
        customer -> Integer,
        secret_hash -> Bytea,
        created -> Timestamptz,
        last_used -> Nullable<Timestamptz>,
        revoked -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    batch (id) {
        id -> BigInt,
        customer -> Integer,
        lane -> Text,
        label -> Nullable<Text>,
        immediate -> Bool,
        count -> Integer,
        completed -> Integer,
        errors -> Integer,
        gone -> Integer,
        worked -> Integer,
        pace -> Double,
        paced -> Nullable<Timestamptz>,
        submitted -> Timestamptz,
        started -> Nullable<Timestamptz>,
        finished -> Nullable<Timestamptz>,
        cancelled -> Nullable<Timestamptz>,
    }
}

diesel::joinable!(api_key -> customer (customer));
diesel::allow_tables_to_appear_in_same_query!(api_key, customer);
