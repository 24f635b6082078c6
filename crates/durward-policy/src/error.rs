use std::fmt;
use std::sync::Arc;

/// Why policies were not loaded: every problem found, each with its place. The fault is with the policy's author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    problems: Vec<PolicyProblem>,
}

impl PolicyError {
    /// Sorted by file and line; `None` if there is no problem.
    pub(crate) fn of(mut problems: Vec<PolicyProblem>) -> Option<Self> {
        problems.sort_by(|a, b| (&a.file, a.line, &a.message).cmp(&(&b.file, b.line, &b.message)));
        problems.dedup();
        (!problems.is_empty()).then_some(Self { problems })
    }

    pub(crate) fn one(file: &str, message: String) -> Self {
        let problem = PolicyProblem {
            file: file.into(),
            line: None,
            message,
            hint: None,
        };
        Self {
            problems: vec![problem],
        }
    }

    /// The problems, by file and line. Never empty.
    pub fn problems(&self) -> &[PolicyProblem] {
        &self.problems
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.problems.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyError {}

/// One problem in a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyProblem {
    /// The name of the file, as it was given.
    pub file: Arc<str>,
    /// The line, from 1, where it is known.
    pub line: Option<u32>,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}
