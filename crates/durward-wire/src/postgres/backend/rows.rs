use crate::postgres::buffer::{Format, Formats, Reader};
use crate::postgres::error::{DecodeError, Fault};

/// What CommandComplete says: `SELECT 5`, `INSERT 0 1`, `BEGIN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandTag<'a> {
    /// All of it.
    pub tag: &'a [u8],
}

impl<'a> CommandTag<'a> {
    pub(super) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("CommandComplete", body);
        let tag = reader.string("the tag")?;
        reader.end()?;
        Ok(Self { tag })
    }

    /// The rows that it counts: the last word, if that is a number.
    pub fn rows(self) -> Option<u64> {
        let last = self.tag.rsplit(|byte| *byte == b' ').next()?;
        std::str::from_utf8(last).ok()?.parse().ok()
    }

    /// The command without its numbers: `SELECT`, `INSERT`, `CREATE TABLE`.
    pub fn command(self) -> &'a [u8] {
        let end = self.tag.iter().position(u8::is_ascii_digit).unwrap_or(self.tag.len());
        self.tag.get(..end).unwrap_or_default().trim_ascii_end()
    }
}

/// Columns of the rows that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowDescription<'a> {
    count: u16,
    raw: &'a [u8],
}

/// One column of a RowDescription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// The table that it comes from unchanged, or 0.
    pub table_oid: u32,
    /// Its attribute number there, or 0.
    pub attribute_number: i16,
    /// Its type.
    pub type_oid: u32,
    /// Bytes of the type; negative is variable.
    pub type_size: i16,
    /// The type's modifier, or -1.
    pub type_modifier: i32,
    /// How its values are written. In the answer to a Describe of a statement always text, since none is known yet.
    pub format: Format,
}

impl<'a> RowDescription<'a> {
    pub(super) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("RowDescription", body);
        let count = reader.u16("the column count")?;
        let raw = reader.clone().rest();
        for _ in 0..count {
            column(&mut reader)?;
        }
        reader.end()?;
        Ok(Self { count, raw })
    }

    /// How many there are.
    pub fn count(self) -> usize {
        usize::from(self.count)
    }

    /// The columns in order.
    pub fn iter(self) -> Columns<'a> {
        Columns {
            reader: Reader::new("", self.raw),
        }
    }
}

/// The columns of a RowDescription in order.
#[derive(Debug, Clone)]
pub struct Columns<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for Columns<'a> {
    type Item = Column<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        column(&mut self.reader).ok()
    }
}

fn column<'a>(reader: &mut Reader<'a>) -> Result<Column<'a>, DecodeError> {
    Ok(Column {
        name: reader.string("a column's name")?,
        table_oid: reader.u32("a column's table")?,
        attribute_number: reader.i16("a column's attribute number")?,
        type_oid: reader.u32("a column's type")?,
        type_size: reader.i16("a column's size")?,
        type_modifier: reader.i32("a column's type modifier")?,
        format: match reader.i16("a column's format")? {
            0 => Format::Text,
            1 => Format::Binary,
            _ => return Err(reader.error("a column's format", Fault::NotAllowed)),
        },
    })
}

/// How a COPY stream is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyResponse<'a> {
    /// Of the stream as a whole.
    pub format: Format,
    /// Of each column.
    pub column_formats: Formats<'a>,
}

impl<'a> CopyResponse<'a> {
    pub(super) fn decode(message: &'static str, body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message, body);
        let format = match reader.byte("the format")? {
            0 => Format::Text,
            1 => Format::Binary,
            _ => return Err(reader.error("the format", Fault::NotAllowed)),
        };
        let column_formats = reader.formats("the column formats")?;
        reader.end()?;
        Ok(Self { format, column_formats })
    }
}
