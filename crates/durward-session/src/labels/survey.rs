//! A survey: names first, then values, as far as time allows.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use durward_model::{Oid, RelationKind};
use durward_sql::CatalogSnapshot;
use durward_sql::catalog::Relation;

use super::judge::Targets;
use super::pages::{Pages, is_surveyed, partitions, root_of};
use super::sample::{Comments, Probe, RelationSample, SampleError, Source, Standing, Withheld};
use super::snapshot::{ColumnLabel, RelationLabels};
use super::store::DatabaseIdentity;
use super::{LabelBook, LabelsError, State, judge, queries, sample};
use crate::upstream::{Target, UpstreamError};

/// How many relations one question is about.
///
/// Unit: relations. Reason: keeps texts and answers to some hundred kilobytes, and the time bound sharp.
const BATCH_RELATIONS_MAX: usize = 500;

/// How many relations are judged by their names before time is looked at.
///
/// Unit: relations. Reason: some tenths of a second.
const NAMES_RELATIONS_MAX: usize = 100;

/// How many partitions stand for a partitioned table.
///
/// Unit: partitions. Reason: the largest of them hold what there is; each costs a few queries.
const PARTITIONS_LOOKED_AT_MAX: usize = 3;

/// How many partitions are asked for their size.
///
/// Unit: partitions. Reason: some tables have ten thousand; the newest are as good as any.
const PARTITIONS_MEASURED_MAX: usize = 100;

/// How soon a relation that gave too little is looked at again; then twice as long each time.
const AGAIN_FIRST: Duration = Duration::from_secs(5);

/// How much later it is asked whether anything was written, for each relation that has to be asked about.
const AGAIN_FOR_EACH: Duration = Duration::from_millis(1);

/// How late at most.
///
/// Unit: seconds. Reason: a table that is always undecided costs a few milliseconds at each look.
const AGAIN_SECONDS_MAX: Duration = Duration::from_secs(600);

/// How often what was found is written while a survey goes on.
const KEEP_INTERVAL: Duration = Duration::from_secs(60);

/// How often a survey shows what it has found so far.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(250);

/// What a survey did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SurveyReport {
    /// Relations that were judged by their names.
    pub by_name: usize,
    /// Relations whose values were looked at.
    pub by_values: usize,
    /// Relations that gave no values this time: no right, a lock, too slow.
    pub withheld: usize,
    /// Relations that were due and for which there was no time.
    pub left: usize,
}

/// What surveys of one database share.
#[derive(Debug)]
pub(super) struct Surveyor {
    probe: Probe,
    /// The catalog whose names were judged last.
    generation: Option<u64>,
    /// Relations with columns that values may still decide.
    unsettled: HashMap<Oid, Look>,
    /// Something was found that isn't kept yet.
    unkept: bool,
    kept: Option<Instant>,
}

/// When to look at a relation again.
#[derive(Debug, Clone, Copy)]
struct Look {
    next: Instant,
    wait: Duration,
    /// What was written to it up to the last look; none before it gave anything.
    writes: Option<i64>,
}

impl Look {
    fn now() -> Self {
        Self {
            next: Instant::now(),
            wait: AGAIN_FIRST,
            writes: None,
        }
    }

    fn later(self) -> Self {
        Self {
            next: Instant::now() + self.wait,
            wait: (self.wait * 2).min(AGAIN_SECONDS_MAX),
            ..self
        }
    }
}

impl Surveyor {
    pub(super) fn new(target: Target) -> Self {
        Self {
            probe: Probe::new(target),
            generation: None,
            unsettled: HashMap::new(),
            unkept: false,
            kept: None,
        }
    }

    /// Those whose time has come, the longest waiting first.
    fn due(&self) -> Vec<Oid> {
        let now = Instant::now();
        let mut due: Vec<(Instant, Oid)> = self
            .unsettled
            .iter()
            .filter(|(_, look)| look.next <= now)
            .map(|(oid, look)| (look.next, *oid))
            .collect();
        due.sort_unstable();
        due.into_iter().map(|(_, oid)| oid).collect()
    }

    /// Whether nothing was written to a relation since it gave too little. It is asked again soon, as that costs little.
    fn is_as_before(&mut self, plan: &Plan, standings: &HashMap<Oid, Standing>) -> bool {
        let count = u32::try_from(self.unsettled.len()).unwrap_or(u32::MAX);
        let soon = AGAIN_FIRST + AGAIN_FOR_EACH * count;
        let Some(look) = self.unsettled.get_mut(&plan.relation.oid) else {
            return true;
        };
        let is_as_before = look.writes == Some(plan.writes(standings));
        if is_as_before {
            look.next = Instant::now() + soon;
        }
        is_as_before
    }

    async fn identity(&mut self) -> Result<DatabaseIdentity, LabelsError> {
        let rows = match self.probe.query(queries::IDENTITY).await {
            Err(UpstreamError::Server(_)) => self.probe.query(queries::DATABASE_ALONE).await?,
            answered => answered?,
        };
        let (system, database) =
            sample::read_identity(&rows).ok_or(LabelsError::Cut("the server doesn't say which database this is"))?;
        Ok(DatabaseIdentity { system, database })
    }

    async fn comments(&mut self, relations: &[Oid]) -> Result<Comments, LabelsError> {
        let mut comments = Comments::new();
        for batch in relations.chunks(BATCH_RELATIONS_MAX) {
            let rows = self.probe.query(&queries::comments(batch)).await?;
            comments.extend(sample::read_comments(&rows));
        }
        Ok(comments)
    }
}

impl LabelBook {
    /// Judges what is new in the catalog, by names at once, then by values as long as `patience` lasts. What there was no
    /// time for is undecided until the next survey, as is what the server withholds. Surveys of one book wait for each
    /// other. Costs nothing where nothing is new or due. Cancel safe: yes.
    ///
    /// # Errors
    /// When the server can't be reached, or the file can't be written.
    pub async fn survey(
        &self,
        catalog: &Arc<CatalogSnapshot>,
        patience: Duration,
    ) -> Result<SurveyReport, LabelsError> {
        let deadline = Instant::now() + patience;
        let mut surveyor = self.surveyor.lock().await;
        let mut report = SurveyReport::default();
        if surveyor.generation != Some(catalog.generation()) {
            self.open_pages(&mut surveyor).await?;
            if !self.judge_names(&mut surveyor, catalog, deadline, &mut report).await? {
                return Ok(report);
            }
            surveyor.generation = Some(catalog.generation());
        }
        if !self.looks_at_values {
            self.keep(&mut surveyor, true).await?;
            return Ok(report);
        }
        // Those that others point at come first.
        let mut due = surveyor.due();
        due.sort_by_key(|oid| catalog.foreign_keys_from(*oid).filter(|key| key.to != *oid).count());
        let looked = self
            .look_at_values(&mut surveyor, catalog, &due, deadline, &mut report)
            .await;
        self.keep(&mut surveyor, report.left == 0).await?;
        looked.map(|()| report)
    }

    /// Opens what earlier runs have kept, once it is known which database this is.
    async fn open_pages(&self, surveyor: &mut Surveyor) -> Result<(), LabelsError> {
        if matches!(*self.state(), State::Open(..)) {
            return Ok(());
        }
        let identity = surveyor.identity().await?;
        let files = self.files.clone();
        let read = move || files.and_then(|files| files.read_found());
        let found = tokio::task::spawn_blocking(read).await.ok().flatten();
        let found = found.filter(|found| found.identity == identity);
        let mut state = self.state();
        if let State::Closed(told) = &mut *state {
            let relations = found.map(|found| found.relations).unwrap_or_default();
            let relations = judge::still_valid(relations);
            let pages = Pages::new(identity, relations, std::mem::take(told));
            surveyor.unsettled.extend(
                pages
                    .relations()
                    .filter(|(_, labels)| is_unsettled(labels))
                    .map(|(oid, _)| (oid, Look::now())),
            );
            *state = State::Open(identity, pages);
        }
        Ok(())
    }

    /// Judges new and changed relations by their names. Returns whether there was time for all.
    async fn judge_names(
        &self,
        surveyor: &mut Surveyor,
        catalog: &Arc<CatalogSnapshot>,
        deadline: Instant,
        report: &mut SurveyReport,
    ) -> Result<bool, LabelsError> {
        let outdated = self.follow(catalog)?;
        let (of_others, own): (Vec<_>, Vec<_>) = outdated.into_iter().partition(|relation| relation.is_partition);
        let mut batches = own.chunks(NAMES_RELATIONS_MAX);
        for batch in batches.by_ref() {
            self.judge_names_of(surveyor, catalog, batch).await?;
            report.by_name += batch.len();
            if Instant::now() >= deadline {
                break;
            }
        }
        report.left = batches.map(<[_]>::len).sum();
        let mut state = self.state();
        let (_, pages) = state.pages_mut()?;
        let roots: HashSet<Oid> = of_others
            .iter()
            .filter_map(|partition| root_of(catalog, partition))
            .collect();
        for root in roots {
            pages.spread(catalog, root);
        }
        surveyor.unsettled.retain(|oid, _| pages.relation(*oid).is_some());
        self.publish(pages);
        Ok(report.left == 0)
    }

    /// Goes with a new catalog. Returns the relations that have to be judged by their names.
    fn follow(&self, catalog: &CatalogSnapshot) -> Result<Vec<Arc<Relation>>, LabelsError> {
        let mut state = self.state();
        let (identity, pages) = state.pages_mut()?;
        if pages.follow(catalog, identity)
            && let Some(files) = &self.files
        {
            files.write_told(&pages.told())?;
        }
        Ok(pages.outdated(catalog))
    }

    async fn judge_names_of(
        &self,
        surveyor: &mut Surveyor,
        catalog: &Arc<CatalogSnapshot>,
        relations: &[Arc<Relation>],
    ) -> Result<(), LabelsError> {
        let oids: Vec<Oid> = relations.iter().map(|relation| relation.oid).collect();
        let comments = surveyor.comments(&oids).await?;
        let before: Vec<_> = oids.iter().map(|oid| self.relation(*oid)).collect();
        let judged = {
            let (catalog, relations, detectors) = (Arc::clone(catalog), relations.to_vec(), self.detectors.clone());
            let judge = move || {
                let judge = |(relation, before): (&Arc<Relation>, &Option<Arc<RelationLabels>>)| {
                    judge::by_name(&catalog, relation, before.as_deref(), &comments, &detectors)
                };
                relations.iter().zip(&before).map(judge).collect::<Vec<_>>()
            };
            tokio::task::spawn_blocking(judge)
                .await
                .map_err(|_| LabelsError::Cut("judging names failed"))?
        };
        let mut state = self.state();
        let (_, pages) = state.pages_mut()?;
        for (relation, labels) in relations.iter().zip(judged) {
            if is_unsettled(&labels) {
                surveyor.unsettled.insert(relation.oid, Look::now());
            }
            pages.put(relation.oid, labels);
            pages.level_with_kin(catalog, relation.oid);
            if relation.kind == RelationKind::PartitionedTable {
                pages.spread(catalog, relation.oid);
            }
        }
        surveyor.unkept = true;
        Ok(())
    }

    async fn look_at_values(
        &self,
        surveyor: &mut Surveyor,
        catalog: &Arc<CatalogSnapshot>,
        due: &[Oid],
        deadline: Instant,
        report: &mut SurveyReport,
    ) -> Result<(), LabelsError> {
        let mut published = Instant::now();
        for (place, batch) in due.chunks(BATCH_RELATIONS_MAX).enumerate() {
            let reached = place * BATCH_RELATIONS_MAX;
            if Instant::now() >= deadline {
                report.left = due.len() - reached;
                break;
            }
            let plans: Vec<Plan> = batch.iter().filter_map(|oid| Plan::new(catalog, *oid)).collect();
            let measured: Vec<Oid> = plans.iter().flat_map(Plan::measured).collect();
            let mut standings = HashMap::new();
            for measured in measured.chunks(BATCH_RELATIONS_MAX) {
                standings.extend(sample::read_sizes(
                    &surveyor.probe.query(&queries::sizes(measured)).await?,
                ));
            }
            let plans: Vec<Plan> = plans
                .into_iter()
                .filter(|plan| !surveyor.is_as_before(plan, &standings))
                .collect();
            let written: Vec<Oid> = plans.iter().map(|plan| plan.relation.oid).collect();
            let comments = Arc::new(surveyor.comments(&written).await?);
            for (done, plan) in plans.iter().enumerate() {
                if Instant::now() >= deadline {
                    report.left = due.len() - reached - batch.len() + plans.len() - done;
                    break;
                }
                self.look_at(surveyor, catalog, plan, (&standings, &comments), report)
                    .await?;
                if published.elapsed() >= PUBLISH_INTERVAL {
                    self.show();
                    published = Instant::now();
                }
            }
        }
        if report.by_values + report.withheld > 0 {
            self.show();
        }
        Ok(())
    }

    /// Looks at one relation and judges it.
    async fn look_at(
        &self,
        surveyor: &mut Surveyor,
        catalog: &Arc<CatalogSnapshot>,
        plan: &Plan,
        (standings, comments): (&HashMap<Oid, Standing>, &Arc<Comments>),
        report: &mut SurveyReport,
    ) -> Result<(), LabelsError> {
        let relation = &plan.relation;
        let (Some(look), Some(labels)) = (
            surveyor.unsettled.get(&relation.oid).copied(),
            self.relation(relation.oid),
        ) else {
            return Ok(());
        };
        let writes = plan.writes(standings);
        let seen = self
            .sample(&mut surveyor.probe, catalog, plan, standings, &labels)
            .await;
        let (judged, look) = match seen {
            Ok(seen) => {
                report.by_values += 1;
                let targets = self.targets(catalog, relation);
                let (catalog, relation) = (Arc::clone(catalog), Arc::clone(relation));
                let (comments, detectors) = (Arc::clone(comments), self.detectors.clone());
                let judge =
                    move || judge::by_values(&catalog, &relation, &labels, &seen, (&comments, &targets), &detectors);
                let judged = tokio::task::spawn_blocking(judge)
                    .await
                    .map_err(|_| LabelsError::Cut("judging values failed"))?;
                let writes = Some(writes);
                (judged, Look { writes, ..look }.later())
            }
            Err(SampleError::Withheld(withheld)) => {
                report.withheld += 1;
                tracing::debug!(schema = %relation.schema, table = %relation.name, reason = withheld.reason(), "no values");
                (judge::withheld(&labels, withheld), look.later())
            }
            Err(SampleError::Upstream(error)) => return Err(error.into()),
        };
        if is_unsettled(&judged) {
            surveyor.unsettled.insert(relation.oid, look);
        } else {
            surveyor.unsettled.remove(&relation.oid);
        }
        self.enter(catalog, relation, judged);
        surveyor.unkept = true;
        Ok(())
    }

    /// Values of a relation's unsettled columns.
    async fn sample(
        &self,
        probe: &mut Probe,
        catalog: &CatalogSnapshot,
        plan: &Plan,
        standings: &HashMap<Oid, Standing>,
        labels: &RelationLabels,
    ) -> Result<RelationSample, SampleError> {
        let wanted = judge::wanted_columns(catalog, labels);
        let mut seen = RelationSample::new();
        for (source, withheld) in plan.sources(standings) {
            if let Some(withheld) = withheld {
                return Err(SampleError::Withheld(withheld));
            }
            sample::add(&mut seen, sample::look(probe, &source, &wanted).await?);
        }
        Ok(seen)
    }

    /// What is known of the columns that a relation's columns point at.
    fn targets(&self, catalog: &CatalogSnapshot, relation: &Relation) -> Targets {
        let mut targets = Targets::new();
        for key in catalog
            .foreign_keys_from(relation.oid)
            .filter(|key| key.to != relation.oid)
        {
            let Some(labels) = self.relation(key.to) else {
                continue;
            };
            for (from, to) in key.from_columns.iter().zip(&key.to_columns) {
                if let Some(column) = labels.column(*to).filter(|column| judge::is_settled(column)) {
                    targets.insert(*from, column.verdict().clone());
                }
            }
        }
        targets
    }

    /// Puts a judged relation in, with all that goes by it; it shows with the next publication.
    fn enter(&self, catalog: &CatalogSnapshot, relation: &Relation, labels: RelationLabels) {
        if let Ok((_, pages)) = self.state().pages_mut() {
            pages.put(relation.oid, labels);
            pages.level_with_kin(catalog, relation.oid);
            if relation.kind == RelationKind::PartitionedTable {
                pages.spread(catalog, relation.oid);
            }
        }
    }

    fn show(&self) {
        if let Ok((_, pages)) = self.state().pages_mut() {
            self.publish(pages);
        }
    }

    /// Keeps what was found, at the end of a survey or once in a while.
    async fn keep(&self, surveyor: &mut Surveyor, is_done: bool) -> Result<(), LabelsError> {
        let is_time = is_done || surveyor.kept.is_none_or(|kept| kept.elapsed() >= KEEP_INTERVAL);
        let Some(files) = self.files.clone().filter(|_| surveyor.unkept && is_time) else {
            return Ok(());
        };
        let (identity, found) = match &*self.state() {
            State::Closed(_) => return Ok(()),
            State::Open(identity, pages) => (*identity, pages.found()),
        };
        tokio::task::spawn_blocking(move || files.write_found(identity, found))
            .await
            .map_err(|_| LabelsError::Cut("writing failed"))??;
        surveyor.unkept = false;
        surveyor.kept = Some(Instant::now());
        Ok(())
    }
}

fn is_unsettled(labels: &RelationLabels) -> bool {
    labels.partition_of.is_none()
        && labels.kind != RelationKind::ForeignTable
        && labels
            .columns
            .iter()
            .any(|column: &ColumnLabel| !judge::is_settled(column))
}

/// A relation to look at, and where its rows are.
struct Plan {
    relation: Arc<Relation>,
    /// Itself, or the partitions that hold its rows.
    holders: Vec<Arc<Relation>>,
}

impl Plan {
    fn new(catalog: &CatalogSnapshot, oid: Oid) -> Option<Self> {
        let relation = Arc::clone(catalog.relation(oid).filter(|relation| is_surveyed(relation))?);
        let holders = if relation.kind == RelationKind::PartitionedTable {
            let mut leaves = partitions(catalog, oid);
            leaves.retain(|leaf| leaf.kind == RelationKind::Table);
            leaves.sort_unstable_by_key(|leaf| std::cmp::Reverse(leaf.oid));
            leaves.truncate(PARTITIONS_MEASURED_MAX);
            leaves
        } else {
            vec![Arc::clone(&relation)]
        };
        Some(Self { relation, holders })
    }

    fn measured(&self) -> impl Iterator<Item = Oid> {
        self.holders.iter().map(|holder| holder.oid)
    }

    /// A number that moves with each write.
    fn writes(&self, standings: &HashMap<Oid, Standing>) -> i64 {
        let standings = self.holders.iter().filter_map(|holder| standings.get(&holder.oid));
        standings.fold(0, |sum, standing| sum.wrapping_add(standing.writes))
    }

    /// Where to look: the largest of the holders.
    fn sources(&self, standings: &HashMap<Oid, Standing>) -> Vec<(Source, Option<Withheld>)> {
        let mut known: Vec<_> = self
            .holders
            .iter()
            .filter_map(|holder| Some((holder, standings.get(&holder.oid)?)))
            .collect();
        known.sort_by_key(|(_, standing)| std::cmp::Reverse((standing.size.rows, standing.writes)));
        let source = |(holder, standing): (&Arc<Relation>, &Standing)| {
            let source = Source {
                oid: holder.oid,
                schema: Arc::clone(&holder.schema),
                name: Arc::clone(&holder.name),
                size: standing.size,
            };
            (source, standing.withheld)
        };
        let sources = known.into_iter().take(PARTITIONS_LOOKED_AT_MAX);
        sources.map(|(holder, standing)| source((holder, standing))).collect()
    }
}
