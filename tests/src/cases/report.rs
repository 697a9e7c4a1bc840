//! Failures of rows, all of them at once.

#![expect(clippy::missing_panics_doc, reason = "only tests call this, and it is how they fail")]

use crate::cases::Case;
use crate::cases::transcript::Octets;

/// Rows that are known to fail, and why that is left alone for now. One that passes fails.
const SKIPS: &[(&str, &str)] = &[];

/// Fails for all rows that fail, at once.
pub fn report(cases: &[Case], faults: impl FnMut(&Case) -> Vec<String>) {
    let failures = failures(cases, SKIPS, faults);
    let (failed, all) = (failures.len(), cases.len());
    assert!(failed == 0, "{failed} failures in {all} rows:\n\n{}", failures.join("\n"));
}

/// What has failed: rows, and skips that are not needed.
fn failures(
    cases: &[Case],
    skips: &[(&str, &str)],
    mut faults: impl FnMut(&Case) -> Vec<String>,
) -> Vec<String> {
    let unknown = skips.iter().filter(|(name, _)| !cases.iter().any(|case| case.name == *name));
    let unknown = unknown.map(|(name, _)| format!("{name}: is skipped, and is in no table\n"));
    let failed = cases.iter().filter_map(|case| {
        let Case { table, name, rfc, level, why, .. } = case;
        let faults = faults(case);
        match skips.iter().find(|(skipped, _)| skipped == name) {
            Some((_, reason)) if faults.is_empty() => {
                Some(format!("{name}: passes, and is skipped: {reason}\n"))
            }
            None if !faults.is_empty() => {
                let sent = Octets(&case.send);
                let faults = faults.join("\n  ");
                Some(format!(
                    "{table}: {name} ({rfc}, {level:?})\n  {why}\n  sent: {sent}\n  {faults}\n"
                ))
            }
            _ => None,
        }
    });
    unknown.chain(failed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_and_needless_skips_are_reported() {
        let cases = crate::cases::all().unwrap();
        let (first, second) = (&cases[0], &cases[1]);
        let fails = |case: &Case| if case == first { vec!["it fails".into()] } else { Vec::new() };
        let reported = |skips: &[(&str, &str)]| failures(&cases, skips, fails);
        assert!(matches!(&reported(&[])[..], [one] if one.contains("it fails")));
        assert!(matches!(&reported(&[])[..], [one] if one.contains(&first.why)));
        assert!(reported(&[(&first.name, "a reason")]).is_empty());
        assert_eq!(reported(&[(&first.name, ""), (&second.name, "")]).len(), 1);
        assert_eq!(reported(&[(&first.name, ""), ("no such row", "")]).len(), 1);
    }
}
