/// What a mask must know of a column's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnType {
    scalar: Scalar,
    array: bool,
    sql_name: String,
    collation: Option<String>,
}

/// A type, or that of an array's elements; of a domain, the type beneath it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// `text`, or `varchar` with a limit in characters.
    Text {
        /// The most characters.
        limit: Option<usize>,
    },
    /// `citext`: equal without regard to the case of ASCII letters.
    Citext,
    /// `char(n)`, padded with blanks.
    Bpchar {
        /// The number of characters.
        width: Option<usize>,
    },
    /// `boolean`.
    Bool,
    /// `smallint`.
    Int2,
    /// `integer`.
    Int4,
    /// `bigint`.
    Int8,
    /// `numeric`.
    Numeric {
        /// Decimal places, where they are fixed; below 0 where it rounds before the point.
        scale: Option<i32>,
    },
    /// `real`.
    Float4,
    /// `double precision`.
    Float8,
    /// `date`.
    Date,
    /// `time`.
    Time,
    /// `timestamp`.
    Timestamp {
        /// Decimal places of seconds, at most 6.
        places: u8,
    },
    /// `timestamptz`.
    Timestamptz {
        /// Decimal places of seconds, at most 6.
        places: u8,
    },
    /// `uuid`.
    Uuid,
    /// `inet`.
    Inet,
    /// `cidr`.
    Cidr,
    /// `macaddr`.
    Macaddr,
    /// `macaddr8`.
    Macaddr8,
    /// `json`.
    Json,
    /// `jsonb`.
    Jsonb,
    /// `bytea`.
    Bytea,
    /// `point`.
    Point,
    /// Anything else (enums, composites, ranges, intervals, geometry, `tsvector`): no mask but NULL.
    Other,
}

/// Bytes that a length or precision is kept with in a typmod.
const TYPMOD_HEADER: i32 = 4;

impl ColumnType {
    /// A type with the name by which SQL casts to it: qualified and quoted, with its typmod, without `[]`.
    pub fn new(scalar: Scalar, sql_name: &str) -> Self {
        Self {
            scalar,
            array: false,
            sql_name: sql_name.to_owned(),
            collation: None,
        }
    }

    /// The array of this type.
    #[must_use]
    pub fn array(mut self) -> Self {
        self.array = true;
        self
    }

    /// The column's collation, qualified and quoted, where it isn't the default.
    #[must_use]
    pub fn with_collation(mut self, collation: &str) -> Self {
        self.collation = Some(collation.to_owned());
        self
    }

    /// A built-in type or array by its oid (`pg_type.dat`) and typmod. `None` for others.
    pub fn built_in(oid: u32, typmod: i32) -> Option<Self> {
        if let Some(element) = element_of(oid) {
            return Self::built_in(element, typmod).map(Self::array);
        }
        let length = usize::try_from(typmod - TYPMOD_HEADER).ok();
        let places = u8::try_from(typmod).ok().filter(|places| *places <= 6);
        let sized = |name: &str, size: Option<String>| match size {
            Some(size) => format!("pg_catalog.{name}({size})"),
            None => format!("pg_catalog.{name}"),
        };
        let plain = |scalar, name: &str| Self::new(scalar, &format!("pg_catalog.{name}"));
        let timed = |scalar, name: &str| Self::new(scalar, &sized(name, places.map(|places| places.to_string())));
        Some(match oid {
            25 => plain(Scalar::Text { limit: None }, "text"),
            1043 => Self::new(
                Scalar::Text { limit: length },
                &sized("varchar", length.map(|n| n.to_string())),
            ),
            1042 => Self::new(
                Scalar::Bpchar { width: length },
                &sized("bpchar", length.map(|n| n.to_string())),
            ),
            16 => plain(Scalar::Bool, "bool"),
            21 => plain(Scalar::Int2, "int2"),
            23 => plain(Scalar::Int4, "int4"),
            20 => plain(Scalar::Int8, "int8"),
            1700 => {
                let size = numeric_size(typmod);
                let scale = size.map(|(_, scale)| scale);
                let size = size.map(|(precision, scale)| format!("{precision},{scale}"));
                Self::new(Scalar::Numeric { scale }, &sized("numeric", size))
            }
            700 => plain(Scalar::Float4, "float4"),
            701 => plain(Scalar::Float8, "float8"),
            1082 => plain(Scalar::Date, "date"),
            1083 => timed(Scalar::Time, "time"),
            1114 => timed(
                Scalar::Timestamp {
                    places: places.unwrap_or(6),
                },
                "timestamp",
            ),
            1184 => timed(
                Scalar::Timestamptz {
                    places: places.unwrap_or(6),
                },
                "timestamptz",
            ),
            2950 => plain(Scalar::Uuid, "uuid"),
            869 => plain(Scalar::Inet, "inet"),
            650 => plain(Scalar::Cidr, "cidr"),
            829 => plain(Scalar::Macaddr, "macaddr"),
            774 => plain(Scalar::Macaddr8, "macaddr8"),
            114 => plain(Scalar::Json, "json"),
            3802 => plain(Scalar::Jsonb, "jsonb"),
            17 => plain(Scalar::Bytea, "bytea"),
            600 => plain(Scalar::Point, "point"),
            _ => return None,
        })
    }

    /// The type, or that of the elements.
    pub const fn scalar(&self) -> Scalar {
        self.scalar
    }

    /// Whether it is an array.
    pub const fn is_array(&self) -> bool {
        self.array
    }

    /// The type by which SQL casts to the whole.
    pub(super) fn sql_name(&self) -> String {
        if self.array {
            format!("{}[]", self.sql_name)
        } else {
            self.sql_name.clone()
        }
    }

    /// An expression of a whole array as its type.
    pub(super) fn cast_array(&self, expression: &str) -> String {
        self.collated(&format!("({expression})::{}[]", self.sql_name))
    }

    /// An expression of a value (or element) as the type, with the column's collation where it has one.
    pub(super) fn cast_scalar(&self, expression: &str) -> String {
        self.collated(&format!("({expression})::{}", self.sql_name))
    }

    fn collated(&self, cast: &str) -> String {
        match self.scalar {
            Scalar::Text { .. } | Scalar::Citext | Scalar::Bpchar { .. } => {
                let collation = self.collation.as_deref().unwrap_or("pg_catalog.\"default\"");
                format!("({cast} COLLATE {collation})")
            }
            Scalar::Bool
            | Scalar::Int2
            | Scalar::Int4
            | Scalar::Int8
            | Scalar::Numeric { .. }
            | Scalar::Float4
            | Scalar::Float8
            | Scalar::Date
            | Scalar::Time
            | Scalar::Timestamp { .. }
            | Scalar::Timestamptz { .. }
            | Scalar::Uuid
            | Scalar::Inet
            | Scalar::Cidr
            | Scalar::Macaddr
            | Scalar::Macaddr8
            | Scalar::Json
            | Scalar::Jsonb
            | Scalar::Bytea
            | Scalar::Point
            | Scalar::Other => cast.to_owned(),
        }
    }
}

/// Precision and scale of a numeric's typmod. The scale has eleven bits with a sign (`numeric.c`).
fn numeric_size(typmod: i32) -> Option<(i32, i32)> {
    let packed = typmod.checked_sub(TYPMOD_HEADER).filter(|packed| *packed >= 0)?;
    let scale = ((packed & 0x7ff) ^ 1024) - 1024;
    Some((packed >> 16, scale))
}

/// The element type of a built-in array type.
const fn element_of(oid: u32) -> Option<u32> {
    Some(match oid {
        1009 => 25,
        1015 => 1043,
        1014 => 1042,
        1000 => 16,
        1005 => 21,
        1007 => 23,
        1016 => 20,
        1231 => 1700,
        1021 => 700,
        1022 => 701,
        1182 => 1082,
        1183 => 1083,
        1115 => 1114,
        1185 => 1184,
        2951 => 2950,
        1041 => 869,
        651 => 650,
        1040 => 829,
        775 => 774,
        199 => 114,
        3807 => 3802,
        1001 => 17,
        1017 => 600,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{ColumnType, Scalar};

    #[test]
    fn typmods_are_read_as_the_server_packs_them() {
        for (oid, typmod, name) in [
            (1043, 24, "pg_catalog.varchar(20)"),
            (1043, -1, "pg_catalog.varchar"),
            (1042, 7, "pg_catalog.bpchar(3)"),
            (1700, ((10 << 16) | 2) + 4, "pg_catalog.numeric(10,2)"),
            (1700, ((3 << 16) | 0x7fe) + 4, "pg_catalog.numeric(3,-2)"),
            (1700, -1, "pg_catalog.numeric"),
            (1114, 3, "pg_catalog.timestamp(3)"),
            (1015, 24, "pg_catalog.varchar(20)[]"),
        ] {
            assert_eq!(ColumnType::built_in(oid, typmod).expect("known").sql_name(), name);
        }
        assert_eq!(ColumnType::built_in(600_000, -1), None);
        let coarse = ColumnType::built_in(1700, ((3 << 16) | 0x7fe) + 4).expect("known");
        assert_eq!(coarse.scalar(), Scalar::Numeric { scale: Some(-2) });
    }
}
