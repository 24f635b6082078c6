//! Whether a value looks like a person's name.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::names;

/// Common names of many countries.
const NAMES: &str = include_str!("people.txt");

/// The most frequent family names of China, Japan and Korea, by their first sign or signs.
const EAST_ASIAN: [&str; 96] = [
    "王",
    "李",
    "张",
    "張",
    "刘",
    "劉",
    "陈",
    "陳",
    "杨",
    "楊",
    "赵",
    "趙",
    "黄",
    "黃",
    "周",
    "吴",
    "吳",
    "徐",
    "孙",
    "孫",
    "胡",
    "朱",
    "高",
    "林",
    "何",
    "郭",
    "马",
    "馬",
    "罗",
    "羅",
    "梁",
    "宋",
    "郑",
    "鄭",
    "谢",
    "謝",
    "韩",
    "韓",
    "唐",
    "冯",
    "馮",
    "于",
    "董",
    "萧",
    "程",
    "曹",
    "袁",
    "邓",
    "鄧",
    "许",
    "許",
    "佐藤",
    "鈴木",
    "高橋",
    "田中",
    "伊藤",
    "渡辺",
    "山本",
    "中村",
    "小林",
    "加藤",
    "吉田",
    "山田",
    "佐々木",
    "山口",
    "松本",
    "井上",
    "木村",
    "斎藤",
    "清水",
    "山崎",
    "池田",
    "橋本",
    "阿部",
    "石川",
    "前田",
    "김",
    "이",
    "박",
    "최",
    "정",
    "강",
    "조",
    "윤",
    "장",
    "임",
    "한",
    "오",
    "서",
    "신",
    "권",
    "황",
    "안",
    "송",
    "류",
    "홍",
];

/// Words that show that a name is an organisation's, a place's or a thing's.
const NOT_OF_PEOPLE: &str = "gmbh ag kg ohg gbr mbh ev ltd limited inc llc llp plc corp corporation company co cia group grupo gruppo \
    groupe holding sons partners associates asociados hermanos and und och bank sarl sas eurl srl spa snc bv nv ab oy oyj ky asa aps \
    ltda eireli kft bt kht zrt nyrt tarsa sro spol doo sp spolka zoo sti tic san holding ticaret sanayi pt cv ud tbk persero ооо ао \
    зао пао ип ад еоод оод ет адсиц сд фоп тов прат university school hospital hotel street road city county park airport station \
    edition model series team department foundation association institute stiftung verein tap doan";

/// Ends of family names that little else ends in.
const FAMILY_ENDS: &str = "ski ska cki cka dzki dzka wicz czyk czak ova eva ov ev enko chuk yan shvili opoulos opoulou idis akis sson \
    dottir nen escu eanu oglu quist qvist ович евич овна евна ский ская ова ева енко чук швили ян οπουλος οπουλου ιδης ακης ακη";

/// How a value looks like a person's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PersonLook {
    /// One name alone, given or of the family.
    Part,
    /// Two to five names, at least one of them common.
    Whole,
}

/// Whether a value looks like a person's name, and how.
pub(super) fn person_look(value: &str) -> Option<PersonLook> {
    /// Letters: longer values are texts.
    const LETTERS_MAX: usize = 60;
    let fits = |letter: char| {
        letter.is_alphabetic()
            || matches!(
                letter,
                ' ' | ',' | '.' | '-' | '\'' | '’' | '・' | '\u{3000}' | '\u{900}'..='\u{dff}'
            )
    };
    let has_inner_dot = value
        .split_whitespace()
        .any(|word| word.trim_end_matches(['.', ',']).contains('.'));
    if value.len() > LETTERS_MAX * 3 || !value.chars().all(fits) || (has_inner_dot && !value.contains(' ')) {
        return None;
    }
    if is_east_asian(value) {
        return Some(PersonLook::Whole);
    }
    if EAST_ASIAN.contains(&value) {
        return Some(PersonLook::Part);
    }
    let words: Vec<String> = value.split_whitespace().flat_map(names::words).collect();
    let is_other = words.iter().any(|word| not_of_people().contains(word.as_str())) || ends_in_letters(&words);
    let known = if is_other { 0 } else { known_words(value) };
    match (words.len(), known) {
        (1, 1..) => Some(PersonLook::Part),
        (2..=5, 1..) => Some(PersonLook::Whole),
        _ => None,
    }
}

/// Whether a value is an organisation's name by a word such as `Ltd` in it.
pub(super) fn is_organisation(value: &str) -> bool {
    let words: Vec<String> = value.split_whitespace().flat_map(names::words).collect();
    words.len() > 1 && words.last().is_some_and(|word| not_of_people().contains(word.as_str()))
        || ends_in_letters(&words)
}

/// `S.A.`, `s.r.o.` and their like.
fn ends_in_letters(words: &[String]) -> bool {
    const FORMS: [&str; 14] = [
        "sa", "sl", "srl", "spa", "sro", "as", "os", "vos", "bv", "nv", "zoo", "sas", "ks", "ag",
    ];
    let mut letters: Vec<&str> = words
        .iter()
        .rev()
        .take_while(|word| word.chars().count() == 1)
        .map(String::as_str)
        .collect();
    letters.reverse();
    letters.len() > 1 && FORMS.iter().any(|form| letters.concat().ends_with(form))
}

/// How many of a value's words are common names. In a value of mixed case, names begin with a capital.
fn known_words(value: &str) -> usize {
    let is_mixed = value.chars().any(char::is_uppercase) && value.chars().any(char::is_lowercase);
    value
        .split([' ', ',', '-', '\u{3000}'])
        .filter(|word| !is_mixed || word.chars().next().is_some_and(|first| !first.is_lowercase()))
        .filter(|word| {
            let folded: String = names::words(word).concat();
            let is_name = |part: &String| common().contains(part.as_str());
            let has_end = folded.chars().count() >= 6 && family_ends().iter().any(|end| folded.ends_with(end));
            is_name(&folded) || names::words(word).iter().any(is_name) || (is_mixed && has_end)
        })
        .count()
}

fn not_of_people() -> &'static HashSet<&'static str> {
    static WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| NOT_OF_PEOPLE.split_whitespace().collect());
    &WORDS
}

fn family_ends() -> &'static [&'static str] {
    static ENDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| FAMILY_ENDS.split_whitespace().collect());
    &ENDS
}

/// Two to five signs that begin with a common family name.
fn is_east_asian(value: &str) -> bool {
    let plain: String = value
        .chars()
        .filter(|letter| !matches!(letter, ' ' | '　' | '・'))
        .collect();
    let signs = plain.chars().count();
    (2..=5).contains(&signs)
        && !plain.is_ascii()
        && EAST_ASIAN
            .iter()
            .any(|family| plain.starts_with(family) && (2..=4).contains(&(signs + 1 - family.chars().count())))
}

fn common() -> &'static HashSet<&'static str> {
    static COMMON: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
        NAMES
            .lines()
            .filter(|line| !line.starts_with('#'))
            .flat_map(str::split_whitespace)
            .collect()
    });
    &COMMON
}

#[cfg(test)]
mod tests {
    use super::{PersonLook, person_look};

    #[test]
    fn names_of_many_countries_look_like_people() {
        for name in [
            "Anna Nowak",
            "MÜLLER, Hans",
            "佐藤 太郎",
            "王小明",
            "김민준",
            "Иванов Сергей Петрович",
            "José García",
            "Jean-Pierre Dupont",
        ] {
            assert_eq!(person_look(name), Some(PersonLook::Whole), "{name}");
        }
        assert_eq!(person_look("Katarzyna"), Some(PersonLook::Part));
        for other in [
            "Smith Ltd",
            "Wireless mouse",
            "2 James Street",
            "",
            "北京市海淀区中关村",
            "James Hotel",
            "shipped",
        ] {
            assert_eq!(person_look(other), None, "{other}");
        }
    }
}
