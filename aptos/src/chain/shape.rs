//! The shapes of BCS values: enough to find where a value ends, without making anything of what is in it.

use super::error::ChainError;
use super::reader::Reader;

/// What a value looks like in BCS.
#[derive(Debug)]
pub(super) enum Shape {
    /// So many bytes: numbers, addresses, hashes, booleans.
    Fixed(usize),
    /// Bytes or text with their length before them.
    Sized,
    /// A value that may be absent.
    Optional(&'static Shape),
    /// A count, and so many values: vectors and maps.
    List(&'static Shape),
    /// Values one after the other.
    Struct(&'static [&'static Shape]),
    /// One of several: the enum's name, and what each variant holds.
    Enum(&'static str, &'static [&'static [&'static Shape]]),
}

/// BCS itself allows no more; types that hold themselves end here instead of at the end of the stack.
const MAX_DEPTH: usize = 500;

impl Shape {
    /// Reads a value of this shape and gives its bytes.
    pub(super) fn take<'a>(&self, reader: &mut Reader<'a>) -> Result<&'a [u8], ChainError> {
        let start = reader.left();
        self.skip(reader, 0)?;
        Ok(start.get(..start.len() - reader.left().len()).unwrap_or_default())
    }

    fn skip(&self, reader: &mut Reader<'_>, depth: usize) -> Result<(), ChainError> {
        if depth > MAX_DEPTH {
            return Err(reader.malformed("types are nested too deeply"));
        }
        match self {
            Shape::Fixed(length) => reader.take(*length).map(drop),
            Shape::Sized => reader.bytes().map(drop),
            Shape::Optional(inner) => match reader.take(1)? {
                [0] => Ok(()),
                [1] => inner.skip(reader, depth + 1),
                _ => Err(reader.malformed("what says whether a value is there is neither 0 nor 1")),
            },
            Shape::List(inner) => (0..reader.uleb128()?).try_for_each(|_| inner.skip(reader, depth + 1)),
            Shape::Struct(fields) => fields.iter().try_for_each(|field| field.skip(reader, depth + 1)),
            Shape::Enum(of, variants) => {
                let variant = reader.uleb128()?;
                let fields = variants.get(variant as usize).ok_or(ChainError::UnknownVariant { of, variant })?;
                fields.iter().try_for_each(|field| field.skip(reader, depth + 1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static NESTED: Shape = Shape::Enum("Nested", &[&[], &[&NESTED]]);
    const MIXED: Shape = Shape::Struct(&[&Shape::Fixed(2), &Shape::Optional(&Shape::Sized), &Shape::List(&NESTED)]);

    fn length(shape: &Shape, bytes: &[u8]) -> Result<usize, ChainError> {
        shape.take(&mut Reader::new("value", bytes)).map(<[u8]>::len)
    }

    #[test]
    fn values_end_where_they_end() {
        assert_eq!(length(&MIXED, &[9, 9, 0, 0, 7, 7]), Ok(4));
        assert_eq!(length(&MIXED, &[9, 9, 1, 2, 5, 5, 2, 0, 1, 1, 0, 7]), Ok(11));
    }

    #[test]
    fn what_is_not_of_the_shape_is_an_error() {
        assert!(matches!(length(&MIXED, &[9]), Err(ChainError::TooShort { .. })));
        assert!(matches!(length(&MIXED, &[9, 9, 2]), Err(ChainError::Malformed { .. })));
        assert_eq!(length(&NESTED, &[2]), Err(ChainError::UnknownVariant { of: "Nested", variant: 2 }));
        assert!(matches!(length(&NESTED, &[1; 10_000]), Err(ChainError::Malformed { .. })));
        assert!(matches!(
            length(&Shape::List(&NESTED), &[0xff, 0xff, 0xff, 0xff, 0x0f]),
            Err(ChainError::TooShort { .. })
        ));
    }
}
