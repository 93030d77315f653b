//! Section 3 of 01-primitives, written out again from the specification alone.

/// Label and parts with their lengths.
pub(crate) fn framed(label: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = (label.len() as u16).to_be_bytes().to_vec();
    bytes.extend_from_slice(label.as_bytes());
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u32).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}
