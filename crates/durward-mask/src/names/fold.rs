//! Letters lose their case and their marks, so that `Prénom` and `prenom` are one word.

/// Plain letters, each with the marked ones that become it.
const MARKED: [(&str, &str); 32] = [
    ("a", "àáâãäåāăąǎạảấầẩẫậắằẳẵặ"),
    ("c", "çćĉċč"),
    ("d", "ďđð"),
    ("e", "èéêëēĕėęěẹẻẽếềểễệ"),
    ("g", "ĝğġģ"),
    ("h", "ĥħ"),
    ("i", "ìíîïĩīĭįıỉịǐ"),
    ("j", "ĵ"),
    ("k", "ķ"),
    ("l", "ĺļľŀł"),
    ("n", "ñńņňŉ"),
    ("o", "òóôõöøōŏőơọỏốồổỗộớờởỡợǒ"),
    ("r", "ŕŗř"),
    ("s", "śŝşšș"),
    ("t", "ţťŧț"),
    ("u", "ùúûüũūŭůűųưụủứừửữựǔ"),
    ("w", "ŵ"),
    ("y", "ýÿŷỳỵỷỹ"),
    ("z", "źżž"),
    ("ae", "æ"),
    ("oe", "œ"),
    ("ss", "ß"),
    ("th", "þ"),
    ("α", "ά"),
    ("ε", "έ"),
    ("η", "ή"),
    ("ι", "ίϊΐ"),
    ("ο", "ό"),
    ("υ", "ύϋΰ"),
    ("ω", "ώ"),
    ("σ", "ς"),
    ("е", "ё"),
];

/// Adds a letter's plain form to a word. Marks that stand by themselves are left out.
pub(super) fn fold_char(letter: char, word: &mut String) {
    for lower in letter.to_lowercase() {
        if lower.is_ascii_alphanumeric() {
            word.push(lower);
            continue;
        }
        match lower {
            '\u{300}'..='\u{36f}' | '\u{64b}'..='\u{652}' | '\u{640}' => {}
            'أ' | 'إ' | 'آ' => word.push('ا'),
            'ى' => word.push('ي'),
            'ة' => word.push('ه'),
            // Fullwidth forms of ASCII stand in the same order, 0xfee0 further on.
            '\u{ff01}'..='\u{ff5e}' => word.extend(char::from_u32(u32::from(lower) - 0xfee0)),
            other => match MARKED.iter().find(|(_, marked)| marked.contains(other)) {
                Some((plain, _)) => word.push_str(plain),
                None => word.push(other),
            },
        }
    }
}

/// A phrase without case and marks.
pub(super) fn fold(phrase: &str) -> String {
    let mut folded = String::with_capacity(phrase.len());
    for letter in phrase.chars() {
        fold_char(letter, &mut folded);
    }
    folded
}

/// A phrase as German and Scandinavian write it without marks: `ä` as `ae`, `å` as `aa`.
pub(super) fn fold_to_pairs(phrase: &str) -> String {
    let mut spelt = String::with_capacity(phrase.len());
    for letter in phrase.chars().flat_map(char::to_lowercase) {
        match letter {
            'ä' | 'æ' => spelt.push_str("ae"),
            'ö' | 'ø' => spelt.push_str("oe"),
            'ü' => spelt.push_str("ue"),
            'å' => spelt.push_str("aa"),
            other => spelt.push(other),
        }
    }
    fold(&spelt)
}
