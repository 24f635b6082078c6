use durward_model::Digest;
use sha2::{Digest as _, Sha256};

/// Makes the digest that ties an approval to one statement. Every part goes in with its name and length, so that no two
/// lists of parts give the same bytes.
#[derive(Debug, Clone)]
pub struct Binding(Sha256);

impl Binding {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self(Sha256::new_with_prefix(b"durward held statement 1\0"))
    }

    /// Adds a part.
    pub fn part(&mut self, name: &str, value: &[u8]) {
        for bytes in [name.as_bytes(), value] {
            // A length is far below 2^64.
            self.0.update((bytes.len() as u64).to_be_bytes());
            self.0.update(bytes);
        }
    }

    /// Adds a list, with how many items it has.
    pub fn list<'a>(&mut self, name: &str, items: impl ExactSizeIterator<Item = &'a [u8]>) {
        self.part(name, &(items.len() as u64).to_be_bytes());
        for item in items {
            self.part("item", item);
        }
    }

    /// The digest of all parts, in their order.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl Default for Binding {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::Binding;

    fn digest(parts: &[(&str, &str)]) -> durward_model::Digest {
        let mut binding = Binding::new();
        for (name, value) in parts {
            binding.part(name, value.as_bytes());
        }
        binding.finish()
    }

    #[test]
    fn what_moves_from_one_part_to_the_next_is_another_statement() {
        let whole = digest(&[("text", "UPDATE t"), ("parameter", "1")]);
        assert_eq!(whole, digest(&[("text", "UPDATE t"), ("parameter", "1")]));
        for other in [
            digest(&[("text", "UPDATE t1"), ("parameter", "")]),
            digest(&[("text", "UPDATE t"), ("parameter", ""), ("parameter", "1")]),
            digest(&[("text", "UPDATE "), ("parameter", "t1")]),
            digest(&[("parameter", "1"), ("text", "UPDATE t")]),
            digest(&[("text", "UPDATE t"), ("search_path", "1")]),
        ] {
            assert_ne!(whole, other);
        }
    }

    #[test]
    fn a_list_ends_where_it_ends() {
        let list = |items: &[&str], behind: &str| {
            let mut binding = Binding::new();
            binding.list("parameters", items.iter().map(|item| item.as_bytes()));
            binding.part("item", behind.as_bytes());
            binding.finish()
        };
        assert_ne!(list(&["a"], "b"), list(&["a", "b"], ""));
        assert_ne!(list(&["a", "b"], "c"), list(&["a"], "b"));
    }
}
