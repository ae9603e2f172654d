//! TIFFs put together tag by tag.

/// One strip or tile, and directories as the tests want them.
#[derive(Clone)]
pub struct Tiff {
    /// Tag, type (3 SHORT, 4 LONG, 16 LONG8), count and value or offset.
    tags: Vec<(u16, u16, u64, u64)>,
    data: Vec<u8>,
    big: bool,
    next: u64,
}

impl Tiff {
    /// An image in one strip, right behind the file's header.
    pub fn new(width: u32, height: u32, compression: u16, data: Vec<u8>) -> Self {
        let tags = vec![
            (256, 4, 1, width.into()),
            (257, 4, 1, height.into()),
            (258, 3, 1, 8),
            (259, 3, 1, compression.into()),
            (262, 3, 1, 1),
            (273, 4, 1, 16),
            (277, 3, 1, 1),
            (278, 4, 1, height.into()),
            (279, 4, 1, data.len() as u64),
        ];
        Self { tags, data, big: false, next: 0 }
    }

    /// The same as one that has tiles, of which the data are the first.
    pub fn tiles(self, width: u32, height: u32) -> Self {
        let length = self.data.len() as u64;
        let mut tiled = self.with(322, 4, 1, width.into()).with(323, 4, 1, height.into());
        tiled.tags.retain(|(tag, ..)| !matches!(tag, 273 | 278 | 279));
        tiled.with(324, 4, 1, 16).with(325, 4, 1, length)
    }

    /// Sets a tag.
    pub fn with(mut self, tag: u16, kind: u16, count: u64, value: u64) -> Self {
        self.tags.retain(|(other, ..)| *other != tag);
        self.tags.push((tag, kind, count, value));
        self.tags.sort_unstable();
        self
    }

    /// The same as a BigTIFF.
    pub fn big(mut self) -> Self {
        self.big = true;
        self
    }

    /// Where the directory says that the next one is.
    pub fn next(mut self, next: u64) -> Self {
        self.next = next;
        self
    }

    /// Where the directory is.
    pub fn directory(&self) -> u64 {
        16 + self.data.len() as u64
    }

    /// The file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let size = if self.big { 8 } else { 4 };
        let number = |value: u64, size: usize| value.to_le_bytes()[..size].to_vec();
        let mut file = b"II".to_vec();
        file.extend(if self.big { [43, 0, 8, 0, 0, 0].as_slice() } else { &[42, 0] });
        file.extend(number(self.directory(), size));
        file.resize(16, 0);
        file.extend(&self.data);
        file.extend(number(self.tags.len() as u64, if self.big { 8 } else { 2 }));
        for (tag, kind, count, value) in &self.tags {
            file.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
            file.extend([number(*count, size), number(*value, size)].concat());
        }
        file.extend(number(self.next, size));
        file
    }
}
