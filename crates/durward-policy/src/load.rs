use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use durward_model::Digest;
use miette::Diagnostic;
use sha2::{Digest as _, Sha256};

use crate::error::PolicyProblem;
use crate::evaluate::Names;
use crate::pack;
use crate::rule::{Complaint, Rule, RuleEffect, read_rule};
use crate::schema::{LABEL_NAMES, TIME_NAMES, schema_text};
use crate::{PolicyError, PolicyFile, PolicySources};

/// Policies that have passed every check.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) schema: Schema,
    pub(crate) names: Names,
    pub(crate) by_name: HashMap<Arc<str>, usize>,
    /// In deciding order: the deployment's own files first, then the built-in pack.
    pub(crate) rules: Vec<Arc<Rule>>,
    pub(crate) permits: PolicySet,
    pub(crate) forbids: PolicySet,
    pub(crate) exemptions: PolicySet,
    pub(crate) digest: Digest,
    /// Whether any policy asks for the time; verdicts of others don't end with the hour.
    pub(crate) asks_for_time: bool,
    /// Whether any policy asks what the columns hold.
    pub(crate) asks_for_labels: bool,
}

/// Reads, checks and sorts every policy.
pub(crate) fn load(sources: &PolicySources) -> Result<Loaded, PolicyError> {
    let schema_source = schema_text();
    let mut files: Vec<PolicyFile> = sources.files.clone();
    if sources.built_in {
        files.extend(pack::built_in_files());
    }
    let digest = digest_of(&schema_source, &files);
    let schema = read_schema(&schema_source)?;
    let names = Names::new().map_err(|problem| PolicyError::one("the built-in schema", problem))?;
    let mut loader = Loader::default();
    for (number, file) in files.iter().enumerate() {
        if files.iter().take(number).any(|earlier| earlier.name == file.name) {
            loader.complain(&file.name, None, Complaint::new("this file is given twice"));
        } else {
            loader.read_file(file);
        }
    }
    loader.check_exemptions();
    loader.check_databases(&sources.known_databases);
    loader.validate(&schema, &files);
    match PolicyError::of(loader.problems) {
        Some(error) => Err(error),
        None => Ok(Loaded {
            schema,
            names,
            by_name: loader.by_name,
            rules: loader.rules,
            permits: loader.permits,
            forbids: loader.forbids,
            exemptions: loader.exemptions,
            digest,
            asks_for_time: loader.policies.iter().any(|policy| asks_for(policy, &TIME_NAMES)),
            asks_for_labels: loader.policies.iter().any(|policy| asks_for(policy, &LABEL_NAMES)),
        }),
    }
}

fn digest_of(schema: &str, files: &[PolicyFile]) -> Digest {
    let mut hasher = Sha256::new();
    let mut add = |text: &str| {
        hasher.update(text.len().to_be_bytes());
        hasher.update(text.as_bytes());
    };
    add(schema);
    for file in files {
        add(&file.name);
        add(&file.text);
    }
    Digest(hasher.finalize().into())
}

fn read_schema(source: &str) -> Result<Schema, PolicyError> {
    match Schema::from_cedarschema_str(source) {
        Ok((schema, _warnings)) => Ok(schema),
        Err(error) => Err(PolicyError::one("the built-in schema", error.to_string())),
    }
}

#[derive(Default)]
struct Loader {
    rules: Vec<Arc<Rule>>,
    by_name: HashMap<Arc<str>, usize>,
    policies: Vec<Policy>,
    permits: PolicySet,
    forbids: PolicySet,
    exemptions: PolicySet,
    problems: Vec<PolicyProblem>,
}

impl Loader {
    fn complain(&mut self, file: &Arc<str>, line: Option<u32>, complaint: Complaint) {
        self.problems.push(PolicyProblem {
            file: Arc::clone(file),
            line,
            message: complaint.message,
            hint: complaint.hint,
        });
    }

    fn read_file(&mut self, file: &PolicyFile) {
        let set = match PolicySet::from_str(&file.text) {
            Ok(set) => set,
            Err(errors) => {
                for error in errors.iter() {
                    let hint = error.help().map(|help| help.to_string());
                    let line = line_in(error, &file.text);
                    let message = error.to_string();
                    self.complain(&file.name, line, Complaint { message, hint });
                }
                return;
            }
        };
        for template in set.templates() {
            let line = line_of(template.id(), &set, &file.text);
            let complaint = Complaint::new("templates are not supported").hint("write ?principal and ?resource out");
            self.complain(&file.name, line, complaint);
        }
        let mut policies: Vec<(Option<u32>, &Policy)> = set
            .policies()
            .map(|policy| (line_of(policy.id(), &set, &file.text), policy))
            .collect();
        policies.sort_by_key(|(line, policy)| (*line, number_of(policy.id())));
        for (line, policy) in policies {
            match read_rule(policy, &file.name, line) {
                Ok(rule) => self.add(policy, rule),
                Err(complaints) => {
                    for complaint in complaints {
                        self.complain(&file.name, line, complaint);
                    }
                }
            }
        }
    }

    fn add(&mut self, policy: &Policy, rule: Rule) {
        if let Some(first) = self.by_name.get(&rule.name).and_then(|index| self.rules.get(*index)) {
            let place = first.place();
            let complaint = Complaint::new(format!("the rule name `{}` is taken by {place}", rule.name));
            let (file, line) = (Arc::clone(&rule.file), rule.line);
            self.complain(&file, line, complaint);
            return;
        }
        let policy = policy.new_id(PolicyId::new(&rule.name));
        let set = match rule.effect {
            RuleEffect::Permit => &mut self.permits,
            RuleEffect::Forbid => &mut self.forbids,
            RuleEffect::Exempt => &mut self.exemptions,
        };
        if let Err(error) = set.add(policy.clone()) {
            let (file, line) = (Arc::clone(&rule.file), rule.line);
            self.complain(&file, line, Complaint::new(error.to_string()));
        }
        self.policies.push(policy);
        self.by_name.insert(Arc::clone(&rule.name), self.rules.len());
        self.rules.push(Arc::new(rule));
    }

    /// An exemption from a rule that isn't there would have no effect: a misspelt name.
    fn check_exemptions(&mut self) {
        let forbids: BTreeSet<Arc<str>> = self
            .rules
            .iter()
            .filter(|rule| rule.effect == RuleEffect::Forbid)
            .map(|rule| Arc::clone(&rule.name))
            .collect();
        for rule in self.rules.clone() {
            for name in rule.exempts.iter().filter(|name| !forbids.contains(*name)) {
                let complaint = Complaint::new(format!("`@exempts` names `{name}`, and no forbid has that name"));
                self.complain(&rule.file, rule.line, complaint);
            }
        }
    }

    /// A policy for a database that isn't configured never matches.
    fn check_databases(&mut self, known: &[Arc<str>]) {
        if known.is_empty() {
            return;
        }
        for (rule, policy) in self.rules.clone().iter().zip(self.policies.clone()) {
            for uid in policy.entity_literals() {
                let name: &str = uid.id().unescaped();
                if uid.type_name().basename() == "Database" && !known.iter().any(|database| **database == *name) {
                    let complaint =
                        Complaint::new(format!("no database `{name}` is configured, so this never matches"));
                    self.complain(&rule.file, rule.line, complaint);
                }
            }
        }
    }

    /// Strict validation. A warning is an error too: what can never match was meant to.
    fn validate(&mut self, schema: &Schema, files: &[PolicyFile]) {
        let set = match PolicySet::from_policies(self.policies.clone()) {
            Ok(set) => set,
            // The names are known to differ, so nothing else can be wrong with a set of valid policies.
            Err(error) => {
                let file = files
                    .first()
                    .map_or_else(|| "policies".into(), |file| Arc::clone(&file.name));
                self.complain(&file, None, Complaint::new(error.to_string()));
                return;
            }
        };
        let result = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
        let errors = result
            .validation_errors()
            .map(|error| (error.policy_id(), error as &dyn Diagnostic, error.to_string()));
        // A policy that doesn't validate can't match either, which needn't be said.
        let invalid: Vec<&PolicyId> = result.validation_errors().map(|error| error.policy_id()).collect();
        let warnings = result
            .validation_warnings()
            .filter(|warning| !invalid.contains(&warning.policy_id()))
            .map(|warning| (warning.policy_id(), warning as &dyn Diagnostic, warning.to_string()));
        let found: Vec<(Arc<Rule>, Option<u32>, Complaint)> = errors
            .chain(warnings)
            .filter_map(|(id, diagnostic, message)| {
                let name: &str = id.as_ref();
                let rule = self.rules.get(*self.by_name.get(name)?)?;
                let text = files.iter().find(|file| file.name == rule.file).map(|file| &*file.text);
                let line = text.and_then(|text| line_in(diagnostic, text)).or(rule.line);
                let hint = diagnostic.help().map(|help| help.to_string());
                let message = without_action(&message);
                Some((Arc::clone(rule), line, Complaint { message, hint }))
            })
            .collect();
        for (rule, line, complaint) in found {
            self.complain(&rule.file, line, complaint);
        }
    }
}

/// A policy's own text has neither comments nor escapes in it, so a name stands there as it is.
fn asks_for(policy: &Policy, names: &[&str]) -> bool {
    let text = policy.to_string();
    names.iter().any(|name| text.contains(name))
}

/// Cedar says the same once for each action; since all have the same context, once is enough.
fn without_action(message: &str) -> String {
    const BEGIN: &str = " for Action::\"";
    let cut = message.split_once(BEGIN).and_then(|(before, rest)| {
        let (_action, after) = rest.split_once('"')?;
        Some(format!("{before}{after}"))
    });
    cut.unwrap_or_else(|| message.to_owned())
}

/// Cedar numbers the policies of a text in order: `policy0`, `policy1`.
fn number_of(id: &PolicyId) -> usize {
    let name: &str = id.as_ref();
    name.trim_start_matches("policy").parse().unwrap_or(usize::MAX)
}

/// The line of the first place that a diagnostic points to.
fn line_in<D: Diagnostic + ?Sized>(diagnostic: &D, text: &str) -> Option<u32> {
    diagnostic.labels()?.next().map(|label| line_at(label.offset(), text))
}

fn line_at(offset: usize, text: &str) -> u32 {
    let newlines = text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
    u32::try_from(newlines + 1).unwrap_or(u32::MAX)
}

/// The line on which a policy begins, its annotations included.
fn line_of(id: &PolicyId, set: &PolicySet, text: &str) -> Option<u32> {
    let static_policy = set
        .policy(id)
        .and_then(|policy| policy.as_ref().loc().map(|place| place.start()));
    let template = || {
        set.template(id)
            .and_then(|template| template.as_ref().loc().map(|place| place.start()))
    };
    static_policy.or_else(template).map(|offset| line_at(offset, text))
}
