//! The first columns of a result without the rest, as bytes.

use crate::postgres::buffer::Reader;
use crate::postgres::error::{DecodeError, Fault};

/// Bytes of a column's description behind its name (manual section 55.7, RowDescription).
const COLUMN_BYTES: usize = 18;

/// The body of a RowDescription with its first `count` columns alone.
///
/// # Errors
/// The body is cut off, or has fewer columns.
pub fn row_description(body: &[u8], count: u16) -> Result<Vec<u8>, DecodeError> {
    let mut reader = Reader::new("RowDescription", body);
    let all = reader.u16("the column count")?;
    let columns = reader.clone().rest();
    for _ in 0..count.min(all) {
        reader.string("a column name")?;
        reader.bytes(COLUMN_BYTES, "a column")?;
    }
    taken(count, all, columns, reader)
}

/// The body of a DataRow with its first `count` values alone, and the other values.
///
/// # Errors
/// The body is cut off, or has fewer values.
#[expect(clippy::type_complexity, reason = "bytes, and values as they are decoded everywhere")]
pub fn data_row(body: &[u8], count: u16) -> Result<(Vec<u8>, Vec<Option<&[u8]>>), DecodeError> {
    let mut reader = Reader::new("DataRow", body);
    let all = reader.u16("the value count")?;
    let values = reader.clone().rest();
    for _ in 0..count.min(all) {
        reader.value("a value")?;
    }
    let first = taken(count, all, values, reader.clone())?;
    let mut others = Vec::with_capacity(usize::from(all - count));
    for _ in count..all {
        others.push(reader.value("a value")?);
    }
    reader.end()?;
    Ok((first, others))
}

/// A count and what of `whole` isn't left in `rest`.
fn taken(count: u16, all: u16, whole: &[u8], rest: Reader<'_>) -> Result<Vec<u8>, DecodeError> {
    if count > all {
        return Err(rest.error("the count", Fault::EndsEarly));
    }
    let bytes = whole.len() - rest.rest().len();
    let kept = whole.get(..bytes).unwrap_or_default();
    Ok([count.to_be_bytes().as_slice(), kept].concat())
}

#[cfg(test)]
mod tests {
    use super::{data_row, row_description};

    #[test]
    fn the_first_columns_stay_as_they_came() {
        let two = [b"\0\x02a\0".as_slice(), &[1; 18], b"bc\0", &[2; 18]].concat();
        let one = [b"\0\x01a\0".as_slice(), &[1; 18]].concat();
        assert_eq!(row_description(&two, 1).unwrap(), one);
        assert_eq!(row_description(&two, 2).unwrap(), two);
        assert_eq!(row_description(&two, 0).unwrap(), b"\0\0");
        assert!(row_description(&one, 2).is_err() && row_description(&two[..30], 2).is_err());
        let row = b"\0\x03\0\0\0\x01x\xff\xff\xff\xff\0\0\0\x02yz";
        let (first, others) = data_row(row, 1).unwrap();
        assert_eq!(first, b"\0\x01\0\0\0\x01x");
        assert_eq!(others, [None, Some(b"yz".as_slice())]);
        assert!(data_row(row, 4).is_err() && data_row(&row[..12], 1).is_err());
        assert!(data_row(b"\0\0x", 0).is_err());
    }
}
