//! The content codings of answers: lists are text that repeats itself, and take a tenth of their
//! size.

use std::io::{self, Read};

use brotli_decompressor::Decompressor;
use flate2::bufread::GzDecoder;
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};
use ruzstd::decoding::StreamingDecoder;

/// The codings that answers may have.
pub(in crate::api) const ACCEPTED: HeaderValue = HeaderValue::from_static("zstd, br, gzip");

/// The header of a request whose answer must be sent as it is.
pub(in crate::api) const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

/// The largest window of a zstd frame that a server may use (RFC 9659), in bytes.
const ZSTD_WINDOW: u64 = 8 * 1024 * 1024;

/// The maximum number of parts of a body: many empty ones would take long.
const PARTS: usize = 1024;

/// The first bytes of a gzip part.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The buffer of the brotli decoder, in bytes.
const BUFFER: usize = 4096;

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Coding {
    Zstd,
    Brotli,
    Gzip,
}

impl Coding {
    /// Returns the coding of an answer. `None` if it has none, or one that was not requested: such
    /// a body is not changed, and its reader reports it.
    pub(in crate::api) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(CONTENT_ENCODING).iter();
        let value = values.next()?.to_str().ok()?.trim().to_ascii_lowercase();
        match (value.as_str(), values.next()) {
            ("zstd", None) => Some(Self::Zstd),
            ("br", None) => Some(Self::Brotli),
            ("gzip" | "x-gzip", None) => Some(Self::Gzip),
            _ => None,
        }
    }

    /// Decodes a body to at most `limit` bytes, and returns whether they are free of errors.
    pub(in crate::api) fn decode(self, body: &[u8], limit: u64) -> (Vec<u8>, bool) {
        let mut plain = Vec::new();
        let read = match self {
            Self::Zstd => read_parts(body, limit, &mut plain, read_frame),
            Self::Brotli => read_up_to(limit, Decompressor::new(body, BUFFER), &mut plain),
            Self::Gzip => read_parts(body, limit, &mut plain, read_member),
        };
        (plain, read.is_ok())
    }
}

fn read_up_to(limit: u64, coded: impl Read, plain: &mut Vec<u8>) -> io::Result<()> {
    let left = limit.saturating_sub(plain.len() as u64);
    coded.take(left).read_to_end(plain).map(drop)
}

/// Reads the parts of a body one after the other.
fn read_parts(
    mut rest: &[u8],
    limit: u64,
    plain: &mut Vec<u8>,
    read: impl Fn(&mut &[u8], u64, &mut Vec<u8>) -> io::Result<()>,
) -> io::Result<()> {
    for _ in 0..PARTS {
        if rest.is_empty() || plain.len() as u64 >= limit {
            return Ok(());
        }
        read(&mut rest, limit, plain)?;
    }
    Err(io::Error::other("too many parts"))
}

/// Reads a gzip part. As in other programs, what follows a part and is none is ignored.
fn read_member(rest: &mut &[u8], limit: u64, plain: &mut Vec<u8>) -> io::Result<()> {
    read_up_to(limit, GzDecoder::new(&mut *rest), plain)?;
    if !rest.starts_with(&GZIP) {
        *rest = &[];
    }
    Ok(())
}

/// Reads a zstd frame, or skips one that has no content.
fn read_frame(rest: &mut &[u8], limit: u64, plain: &mut Vec<u8>) -> io::Result<()> {
    if let [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, ..] = **rest {
        let length = u32::from_le_bytes([a, b, c, d]);
        let behind = usize::try_from(length)
            .ok()
            .and_then(|length| length.checked_add(8));
        *rest = behind
            .and_then(|behind| rest.get(behind..))
            .unwrap_or_default();
        return Ok(());
    }
    let frame = StreamingDecoder::new_with_max_window_size(&mut *rest, ZSTD_WINDOW);
    read_up_to(limit, frame.map_err(io::Error::other)?, plain)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::write::GzEncoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    const TEXT: &[u8] = br#"{"solutions": [{"id": "a"}, {"id": "b"}]}"#;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(plain: &[u8]) -> Vec<u8> {
        compress_to_vec(plain, CompressionLevel::Fastest)
    }

    /// Returns a stream with an uncompressed block (RFC 7932, 9.2).
    fn brotli(plain: &[u8]) -> Vec<u8> {
        let size = u32::try_from(plain.len() - 1).unwrap();
        let head = (size << 4) | (1 << 20);
        [&head.to_le_bytes()[..3], plain, &[3]].concat()
    }

    #[test]
    fn every_coding_is_decoded() {
        for (name, coded) in [
            ("gzip", gzip(TEXT)),
            ("X-Gzip", gzip(TEXT)),
            ("br", brotli(TEXT)),
            (" ZSTD", zstd(TEXT)),
            // Both formats allow several parts.
            ("gzip", [gzip(&TEXT[..9]), gzip(&TEXT[9..])].concat()),
            ("zstd", [zstd(&TEXT[..9]), zstd(&TEXT[9..])].concat()),
            // A frame without content.
            (
                "zstd",
                [b"\x50\x2a\x4d\x18\x02\0\0\0ab", &*zstd(TEXT)].concat(),
            ),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_ENCODING, name.parse().unwrap());
            let coding = Coding::of(&headers).unwrap();
            assert_eq!(coding.decode(&coded, 99), (TEXT.to_vec(), true), "{name}");
            // A limit cuts the body, and the rest is not decoded.
            assert_eq!(coding.decode(&coded, 20).0, TEXT[..20], "{name}");
            let (head, is_whole) = coding.decode(&coded[..coded.len() - 2], 99);
            assert!(!is_whole && TEXT.starts_with(&head), "{name}");
            assert_eq!(coding.decode(TEXT, 99), (Vec::new(), false), "{name}");
        }
    }

    #[test]
    fn what_follows_gzip_is_ignored() {
        let coded = [&*gzip(TEXT), &[0; 9]].concat();
        assert_eq!(Coding::Gzip.decode(&coded, 99), (TEXT.to_vec(), true));
    }

    #[test]
    fn many_empty_parts_are_refused() {
        for (coding, part) in [(Coding::Gzip, gzip(&[])), (Coding::Zstd, zstd(&[]))] {
            let coded = part.repeat(PARTS + 1);
            assert_eq!(coding.decode(&coded, 99), (Vec::new(), false), "{coding:?}");
        }
    }

    #[test]
    fn other_codings_are_left_alone() {
        for values in [
            &["compress"][..],
            &["identity"],
            &["gzip, br"],
            &["gzip", "br"],
            &[""],
            &[],
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_ENCODING, value.parse().unwrap());
            }
            assert_eq!(Coding::of(&headers), None, "{values:?}");
        }
    }

    /// A gibibyte of zeros in a megabyte: no more than the limit is ever decoded.
    #[test]
    fn a_bomb_ends_at_the_limit() {
        let zeros = vec![0; 1 << 20];
        for (coding, part) in [(Coding::Gzip, gzip(&zeros)), (Coding::Zstd, zstd(&zeros))] {
            let (plain, _) = coding.decode(&part.repeat(1 << 10), 3 << 20);
            assert_eq!(plain.len(), 3 << 20, "{coding:?}");
            assert!(plain.capacity() <= 4 << 20, "{coding:?}");
        }
    }
}
