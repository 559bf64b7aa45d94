//! What an entity carries: one JSON document and the version of its layout.

/// Longest document, in UTF-16 code units.
///
/// Table Storage holds text as UTF-16 and an entity of at most 1 MiB. This takes 960 KiB of it
/// (15 properties of 64 KiB) and leaves the rest to the keys, the names and the other properties.
pub const MAX_BODY_UNITS: usize = 15 * 32 * 1024;

/// The contents of an entity: a JSON document, the version of its layout, and the program that
/// wrote it. Its text is kept as written, so that numbers keep all their digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    layout: u32,
    program: String,
    json: String,
}

impl Body {
    /// Takes what a store returned; a backend's way to rebuild a body.
    #[must_use]
    pub fn from_stored(layout: u32, program: String, json: String) -> Self {
        Self {
            layout,
            program,
            json,
        }
    }

    /// Version of the document's layout.
    #[must_use]
    pub fn layout(&self) -> u32 {
        self.layout
    }

    /// Version of the program that wrote the document.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// The document's text.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Length in UTF-16 code units, the measure of [`MAX_BODY_UNITS`].
    #[must_use]
    pub fn units(&self) -> usize {
        self.json.encode_utf16().count()
    }
}
