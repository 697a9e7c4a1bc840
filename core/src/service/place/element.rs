//! Elements of a page, by their names.

/// What an element is to the one who looks for text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One that changes nothing.
    Other,
    Head,
    Body,
    /// One whose content is text up to its end tag.
    Text,
    /// One of SVG or MathML whose content is HTML again.
    Html,
    /// One that is not followed: behind it nothing is trusted.
    Opaque,
    /// The same, in a region.
    OpaqueInRegion,
    /// One in which tags may be ignored, or read by other rules: nothing is shown in it.
    Region(Region),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Region {
    Svg,
    Math,
    Select,
    Template,
}

impl Kind {
    /// The element of this name, which is in lower case.
    #[expect(clippy::match_same_arms, reason = "one has its own reason")]
    pub(super) fn of(name: &[u8]) -> Self {
        match name {
            b"head" => Self::Head,
            b"body" => Self::Body,
            b"script" | b"style" | b"textarea" | b"title" | b"xmp" | b"iframe" | b"noembed"
            | b"noframes" => Self::Text,
            // So it is where scripts run, and elsewhere nothing can go wrong.
            b"noscript" => Self::Text,
            b"desc" | b"mi" | b"mo" | b"mn" | b"ms" | b"mtext" => Self::Html,
            b"plaintext" | b"frameset" => Self::Opaque,
            b"foreignobject" | b"annotation-xml" => Self::OpaqueInRegion,
            b"svg" => Self::Region(Region::Svg),
            b"math" => Self::Region(Region::Math),
            b"select" => Self::Region(Region::Select),
            b"template" => Self::Region(Region::Template),
            _ => Self::Other,
        }
    }
}

/// A name, if it is a short one; longer ones are none that matter.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Name {
    octets: [u8; 16],
    length: usize,
}

impl Name {
    pub(super) fn push(&mut self, octet: u8) {
        if let Some(slot) = self.octets.get_mut(self.length) {
            *slot = octet.to_ascii_lowercase();
        }
        self.length = self.length.saturating_add(1);
    }

    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    /// The name; empty for a long one.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(super) fn is_long(&self) -> bool {
        self.length > self.octets.len()
    }
}
