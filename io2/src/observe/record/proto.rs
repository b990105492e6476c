//! Writes the encoding of Protocol Buffers.

/// Lengths of messages within messages take so many bytes, whatever they are, so that they can be filled
/// in afterwards.
const LENGTH_BYTES: usize = 4;

/// A message, or several: fields after each other.
#[derive(Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    fn raw(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn tag(&mut self, field: u32, kind: u32) {
        self.raw(u64::from(field << 3 | kind));
    }

    /// Any integer or enumeration but fixed and zigzag ones. A negative one is cast to `i64` first.
    pub(super) fn int(&mut self, field: u32, value: u64) {
        self.tag(field, 0);
        self.raw(value);
    }

    pub(super) fn fixed64(&mut self, field: u32, value: u64) {
        self.tag(field, 1);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn text(&mut self, field: u32, value: &str) {
        self.tag(field, 2);
        self.raw(value.len() as u64);
        self.0.extend_from_slice(value.as_bytes());
    }

    /// A message within this one.
    pub(super) fn message(&mut self, field: u32, fill: impl FnOnce(&mut Message)) {
        self.tag(field, 2);
        let at = self.0.len();
        self.0.extend_from_slice(&[0; LENGTH_BYTES]);
        fill(self);
        let length = self.0.len() - at - LENGTH_BYTES;
        debug_assert!(length < 1 << (7 * LENGTH_BYTES));
        for (place, byte) in self.0[at..].iter_mut().zip(0..LENGTH_BYTES) {
            let more = if byte + 1 < LENGTH_BYTES { 0x80 } else { 0 };
            *place = (length >> (7 * byte)) as u8 & 0x7F | more;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_encoded_as_the_format_says() {
        let mut message = Message::default();
        message.int(1, 150);
        message.text(2, "testing");
        assert_eq!(message.bytes(), b"\x08\x96\x01\x12\x07testing");
        message.clear();
        message.int(3, -1_i64 as u64);
        assert_eq!(
            message.bytes(),
            b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
        );
        message.clear();
        message.fixed64(47, 0x0102);
        assert_eq!(message.bytes(), b"\xf9\x02\x02\x01\0\0\0\0\0\0");
        message.clear();
        message.message(3, |inner| inner.text(1, &"x".repeat(300)));
        // The length of what is inside, 303, in four bytes.
        assert_eq!(message.bytes()[..5], *b"\x1a\xaf\x82\x80\x00");
        assert_eq!(message.bytes().len(), 1 + 4 + 303);
    }
}
