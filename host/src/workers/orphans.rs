//! What a worker leaves behind that dies without having a say in it: the programs it has started.

use rustix::process::Pid;

/// The processes that this one has taken over from dead workers. Where the system can't tell, there are
/// none: a program whose worker was killed then ends when it finds nobody at its pipes.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    /// The leaders of groups that may go on.
    known: Vec<Pid>,
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs;
    use std::str::SplitAsciiWhitespace;

    use rustix::process::{
        Pid, Signal, WaitId, WaitIdOptions, getpid, kill_process_group, set_child_subreaper, waitid,
    };

    use super::Orphans;

    /// A child of this process.
    struct Child {
        id: Pid,
        has_ended: bool,
        /// It leads a group, in this session.
        is_leader: bool,
    }

    impl Orphans {
        /// Makes this process the parent of whatever its workers leave behind.
        pub(in super::super) fn adopt() -> Self {
            // Without it, they are those of the first process.
            let _ = set_child_subreaper(Some(getpid()));
            Self::default()
        }

        /// Waits for those that have ended, which nobody else does. `is_worker` says who else is a child of
        /// this process.
        pub(in super::super) fn reap(&mut self, is_worker: impl Fn(Pid) -> bool) {
            for child in children().filter(|child| child.has_ended && !is_worker(child.id)) {
                let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
                let _ = waitid(WaitId::Pid(child.id), options);
                self.known.retain(|known| *known != child.id);
            }
        }

        /// Workers have ended. If one `was_killed`, nobody looks after its programs any more, and their groups
        /// end, too. Else they were left running on purpose.
        pub(in super::super) fn of_workers(
            &mut self,
            was_killed: bool,
            is_worker: impl Fn(Pid) -> bool,
        ) {
            let leaders = children().filter(|child| child.is_leader && !is_worker(child.id));
            let left: Vec<_> =
                leaders.map(|child| child.id).filter(|id| !self.known.contains(id)).collect();
            for id in left {
                if was_killed {
                    // It was not waited for, so that its number is its own.
                    let _ = kill_process_group(id, Signal::KILL);
                } else {
                    self.known.push(id);
                }
            }
        }
    }

    /// The children of this process.
    fn children() -> impl Iterator<Item = Child> {
        let (this, session) = (getpid(), own_session());
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        ids.filter_map(Pid::from_raw).filter_map(move |id| {
            let text = fs::read(format!("/proc/{id}/stat")).ok()?;
            child(id, &text, this, session)
        })
    }

    /// The session of this process. It is 0 where the leader lies outside of what this process can see, as in
    /// many a container, and no process id then.
    fn own_session() -> Option<i32> {
        let stat = fs::read("/proc/self/stat").ok()?;
        words_behind_name(&stat)?.nth(3)?.parse().ok()
    }

    /// The process `id`, of which the system says this, if it is a child of `parent`.
    fn child(id: Pid, stat: &[u8], parent: Pid, session: Option<i32>) -> Option<Child> {
        let mut words = words_behind_name(stat)?;
        let state = words.next()?;
        let mut number = || words.next()?.parse::<i32>().ok();
        if number()? != parent.as_raw_pid() {
            return None;
        }
        let is_leader = number()? == id.as_raw_pid() && number() == session;
        Some(Child { id, has_ended: state == "Z", is_leader })
    }

    /// State, parent, group, session and so on of `id (name) state parent group session …`.
    fn words_behind_name(stat: &[u8]) -> Option<SplitAsciiWhitespace<'_>> {
        // The name may hold anything.
        let behind = stat.rsplit(|octet| *octet == b')').next()?;
        Some(str::from_utf8(behind).ok()?.split_ascii_whitespace())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn children_are_read_from_what_the_system_says() {
            let [own, five] = [1, 5].map(|id| Pid::from_raw(id).unwrap());
            let read = |stat: &str, session| {
                let child = child(five, stat.as_bytes(), own, Some(session))?;
                Some((child.has_ended, child.is_leader))
            };
            for (stat, session, expected) in [
                ("5 (a) S 1 5 6 0", 6, Some((false, true))),
                ("5 (a) Z 1 (b)) Z 1 5 6 0", 6, Some((true, true))),
                ("5 (a) S 1 4 6 0", 6, Some((false, false))),
                ("5 (a) S 1 5 5 0", 6, Some((false, false))),
                ("5 (a) S 1 5 0 0", 0, Some((false, true))),
                ("5 (a) S 1 0 0 0", 0, Some((false, false))),
                ("5 (a) S 2 5 6 0", 6, None),
                ("5 (a) S", 6, None),
                ("", 6, None),
            ] {
                assert_eq!(read(stat, session), expected, "{stat}");
            }
            assert!(own_session().is_some());
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Orphans {
    pub(super) fn adopt() -> Self {
        Self::default()
    }

    pub(super) fn reap(&mut self, _: impl Fn(Pid) -> bool) {}

    pub(super) fn of_workers(&mut self, _: bool, _: impl Fn(Pid) -> bool) {}
}
