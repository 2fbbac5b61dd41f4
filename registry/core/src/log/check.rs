//! A check of the transparency log and the audit: what is stored gives the heads that are stored. It reads all of both,
//! page by page, for the verifier of directories and backups.

use proto_types::audit::start;
use proto_types::tlog::{self, Frontier};

use crate::audit::query::{audit_end, audit_lines};
use crate::report::Report;
use crate::view::{Read, View};

use super::query::{LogRows, log_entries};
use super::rows::Log;

/// Entries, or lines, that are read at once.
const PAGE: u64 = 256;

/// Notes the first fault of the log and the first of the audit. It reads every leaf and line.
pub(crate) fn check(view: &dyn View, report: &mut Report) -> Read<()> {
    for fault in [leaf_fault, audit_fault] {
        match fault(view) {
            Ok(Some(fault)) => report.fault(fault),
            Ok(None) => {}
            // A row that is missing; the other may still be told.
            Err(error) => report.fault(error),
        }
    }
    let leaves = Log::read(view)?.map_or(0, |log| log.frontier.size());
    report.saw("leaves", usize::try_from(leaves).unwrap_or(usize::MAX));
    Ok(())
}

fn leaf_fault(view: &dyn View) -> Read<Option<String>> {
    let Some(Log { frontier: kept, .. }) = Log::read(view)? else { return Ok(None) };
    let mut made = Frontier::default();
    let mut completed = Vec::new();
    while made.size() < kept.size() {
        let count = PAGE.min(kept.size() - made.size());
        for entry in log_entries(view, made.size(), count as usize)? {
            made.append(tlog::leaf_hash(&entry), |level, index, hash| {
                completed.push((level, index, hash));
            });
        }
        for (level, index, hash) in completed.drain(..) {
            if tlog::Rows::row(&LogRows(view), level, index, 1)? != [hash] {
                return Ok(Some(format!(
                    "hash {index} of level {level} is not that of its leaves"
                )));
            }
        }
    }
    let differs = made != kept;
    Ok(differs.then(|| format!("the leaves make {}, the head says {}", made.root(), kept.root())))
}

fn audit_fault(view: &dyn View) -> Read<Option<String>> {
    let end = audit_end(view)?;
    let Some(forgotten) = end.first.checked_sub(1) else {
        return Ok(Some("audit: there is no line 0".to_owned()));
    };
    let mut before = (forgotten, None);
    loop {
        let page = audit_lines(view, before.0, PAGE as usize)?;
        if page.is_empty() {
            break;
        }
        for line in page {
            // What came before the first kept line was exported.
            let prev = before.1.unwrap_or(if end.first == 1 { start() } else { line.prev });
            if let Err(why) = line.continues((before.0, &prev)) {
                return Ok(Some(format!("audit: {why}")));
            }
            before = (line.seq, Some(line.digest()));
        }
    }
    let same = before.0 == end.lines && before.1.unwrap_or(end.digest) == end.digest;
    Ok((!same).then(|| format!("audit: line {} is not the head of {}", before.0, end.lines)))
}
