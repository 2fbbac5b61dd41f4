//! A check of the total order: every revision since the last compaction has its line, and time never goes back.

use crate::codec::decode;
use crate::counter;
use crate::report::{PAGE, Report, each, hex};
use crate::view::{Read, Space, View};

use super::entry::ChangeEvent;

pub(crate) fn check(view: &dyn View, report: &mut Report) -> Read<()> {
    let compacted = counter::read(view, counter::COMPACTED)?;
    let revision = counter::read(view, counter::REVISION)?;
    let (mut last, mut at) = (compacted, 0);
    each(view, Space::Changes, PAGE, &mut |key, value| {
        report.saw("changes", 1);
        let event: ChangeEvent = match decode("change", value) {
            Ok(event) => event,
            Err(error) => {
                report.fault(format_args!("under {}: {error}", hex(key)));
                return Ok(());
            }
        };
        if key != event.revision.0.to_be_bytes() {
            report.fault(format_args!("{} holds revision {}", hex(key), event.revision));
        }
        if event.revision.0 != last + 1 {
            report.fault(format_args!("revision {} follows {last}", event.revision));
        }
        if event.at.0 < at {
            report.fault(format_args!("revision {} is older than the one before", event.revision));
        }
        (last, at) = (event.revision.0, event.at.0);
        Ok(())
    })?;
    if last != revision {
        report.fault(format_args!("the last line is revision {last}, the state is at {revision}"));
    }
    Ok(())
}
