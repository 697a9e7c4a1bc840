//! The flags of the commands, and what they set up.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use thimble_core::Site;
use thimble_core::framing::Limits;
use thimble_core::semantics::mime;
use thimble_core::semantics::path::percent_encode;
use thimble_core::service::{self, Appended, Pages, Storage};

use super::access::AccessFlags;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use super::export;
use super::forms::Forms;
use super::layers::Layers;
use super::problem::Problem;
use super::processes::Processes;
use super::programs::ProgramFlags;
use super::replies::ReplyFlags;
use super::sharing::{Served, SharingFlags};
use super::size;
use super::times::Times;
use super::tls::TlsFlags;
use super::uploads::UploadFlags;
use super::urls::Address;
use crate::cgi::Cgi;
use crate::cgi::waiting::Waiting;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use crate::database::export::Format;
use crate::folder::Folder;
use crate::log::Log;
use crate::settings::MAX_CONNS;
use crate::submissions::MemoryStore;
use crate::tls::{SelfMade, Tls};
use crate::uploads::UploadFolder;
use crate::workers::Worker;

/// The flags of a command that serves a folder. When a flag is given twice, the last one counts.
#[derive(Args, Clone, Debug)]
#[command(args_override_self = true)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[non_exhaustive]
pub struct Flags {
    /// The folder to serve, or a single file
    #[arg(default_value = ".")]
    pub path: PathBuf,

    /// The folder to serve, as `python -m http.server` takes it
    #[arg(short, long, value_name = "PATH", hide = true, conflicts_with = "path")]
    pub directory: Option<PathBuf>,

    /// Where to listen, and who is told
    #[command(flatten)]
    pub sharing: SharingFlags,

    /// Write no access log
    #[arg(short, long)]
    pub quiet: bool,

    /// Log the head of each request and reply
    #[arg(short, long)]
    pub verbose: bool,

    /// File to serve for a folder; give it again for further names to try
    #[arg(long, value_name = "NAME", default_values = ["index.html", "index.htm"], value_parser = file_name, help_heading = PAGES)]
    pub index: Vec<String>,

    /// Answer 404 for a folder without an index, instead of listing it
    #[arg(long, help_heading = PAGES)]
    pub no_listing: bool,

    /// Content-Type of files whose names end in .EXT; give it again for others
    #[arg(long, value_name = "EXT=TYPE", value_parser = own_type, help_heading = PAGES)]
    pub mime: Vec<(String, String)>,

    /// Also serve files and folders whose names begin with a dot
    #[arg(long, help_heading = PAGES)]
    pub hidden: bool,

    /// Also follow links that lead out of the folder
    #[arg(long, help_heading = PAGES)]
    pub follow_links: bool,

    /// What replies have
    #[command(flatten)]
    pub replies: ReplyFlags,

    /// Who may come in
    #[command(flatten)]
    pub access: AccessFlags,

    /// How TLS is spoken
    #[command(flatten)]
    pub tls: TlsFlags,

    /// What becomes of files
    #[command(flatten)]
    pub files: UploadFlags,

    /// Largest form to accept, such as 65536, 64k or 1M; of one with files, its names and texts
    #[arg(long, value_name = "SIZE", default_value = "1M", value_parser = up_to_a_gibibyte, help_heading = FORMS)]
    pub max_form: usize,

    /// Refuse forms: answer a POST to a page by 405
    #[arg(long, help_heading = FORMS)]
    pub no_forms: bool,

    /// Show the latest submitted forms (50) at /submissions, to anybody who asks
    #[arg(long, help_heading = FORMS)]
    pub submissions: bool,

    /// Keep forms in this database: a file for SQLite, or postgres://USER:PASSWORD@HOST/NAME
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    #[arg(long, value_name = "FILE|URL", conflicts_with = "no_forms", help_heading = FORMS)]
    pub database: Option<String>,

    /// Write the forms in the database to standard output instead of serving
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    #[arg(long, value_name = "FORMAT", requires = "database", conflicts_with = "no_forms", help_heading = FORMS)]
    pub export: Option<Format>,

    /// Programs that make replies
    #[command(flatten)]
    pub programs: ProgramFlags,

    /// How many processes serve
    #[command(flatten)]
    pub processes: Processes,

    /// Most connections to serve at a time; further ones wait
    #[arg(long, value_name = "N", default_value_t = MAX_CONNS, value_parser = at_least_one, help_heading = LIMITS)]
    pub max_conns: usize,

    /// How long clients may take
    #[command(flatten)]
    pub times: Times,
}

/// The headings of the help. What everybody needs has none, and stands first.
const PAGES: &str = "Pages";
const FORMS: &str = "Forms";
/// How much a server takes on.
pub const LIMITS: &str = "Processes and limits";

/// The end of the help of the command `name`: examples, forms, links, and how to stop it.
pub fn examples(name: &str) -> String {
    const TEXT: &str = "\
Examples:
  NAME                     Serve the current folder at http://127.0.0.1:8000/
  NAME site -p 0           Serve the folder `site` at any free port
  NAME -b :: --qr          Let other machines in, and print the URLs for them, also as a QR code
  NAME --open              Serve the current folder, and open it in the browser
  NAME -b unix:site.sock   Listen on a Unix socket, for a proxy on this machine
  NAME page.html           Serve that file alone
  NAME --workers 0         Serve by a process on each core; SIGHUP replaces them one by one
  NAME site --cgi          Also run the programs in site/cgi-bin/ that make replies
  NAME -q >/dev/null 2>&1  Say nothing at all
  NAME --uploads kept      Keep the files that come with forms in a folder
  NAME --auth ada:secret   Ask for a name and a password
  NAME --tls               Serve https, by a certificate made for this run
DATABASE
A form sent to an HTML page is answered by that page, which shows the submitted fields in place
of <!-- form --> in its body, or at its end.
EXPORT
A symbolic link that leads out of the folder or to nothing is neither served nor listed, and the
log names it. --follow-links follows links that lead out.

Ctrl-C lets running requests finish; a second Ctrl-C ends the server at once.";
    const DATABASE: &str = "  NAME site --database forms.db            Keep the forms that are sent in a SQLite database
  NAME --database forms.db --export csv    Print what it holds, for a spreadsheet
";
    const EXPORT: &str = "
A form is acknowledged once it is in the database, and refused by 503 while it can't be kept.
In exported CSV, a cell that a spreadsheet would take for a formula has an apostrophe before it.
";
    let has_database = cfg!(any(feature = "postgres", feature = "sqlite"));
    let (database, export) = if has_database { (DATABASE, EXPORT) } else { ("", "") };
    TEXT.replace("DATABASE", database).replace("EXPORT", export).replace("NAME", name)
}

pub(super) fn at_least_one(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|number| *number > 0).ok_or("give a number from 1 up")
}

fn up_to_a_gibibyte(text: &str) -> Result<usize, &'static str> {
    size::octets(text)
        .and_then(|octets| if octets > 1 << 30 { Err("give at most 1G") } else { Ok(octets) })
}

fn file_name(name: &str) -> Result<String, &'static str> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err("give the name of a file without its folder, such as index.html");
    }
    Ok(name.to_owned())
}

fn own_type(text: &str) -> Result<(String, String), &'static str> {
    let (extension, content_type) = mime::own_type(text)
        .ok_or("write it like md=text/plain, or 'md=text/plain; charset=utf-8'")?;
    Ok((extension.to_owned(), content_type.to_owned()))
}

/// A storage as the flags have it shown.
type Shown<S> = Pages<Appended<'static, S>>;

impl Flags {
    /// The path of the folder or single file to serve.
    pub fn served(&self) -> &Path {
        self.directory.as_ref().unwrap_or(&self.path)
    }

    /// Opens the folder to serve, or the folder of the single file to serve.
    ///
    /// # Errors
    /// The folder or file is missing, or it may not be opened.
    pub fn folder(&self) -> Result<Folder, Problem> {
        let opened = match self.file() {
            Some(_) => Folder::of_file(self.served()),
            None => Folder::open(self.served()),
        };
        let folder = opened.map_err(|error| Problem::of_folder(self.served(), &error))?;
        let folder = if self.follow_links { folder.follow_links() } else { folder };
        Ok(if self.file().is_some() { folder } else { folder.apart(self.programs.kept_apart()) })
    }

    /// Opens the folder to serve for those who run programs in it.
    ///
    /// # Errors
    /// As for [`folder`](Self::folder), and a folder of programs that was named is missing.
    pub(super) fn programs(&self, log: &Log) -> Result<Folder, Problem> {
        if self.file().is_some() && !self.programs.folders().is_empty() {
            return Err(Problem::of_programs_in_a_file());
        }
        let root = self.folder()?.log(log.clone());
        self.programs.check(&root)?;
        Ok(root)
    }

    /// The name of the single file to serve; `None` if a folder is served.
    fn file(&self) -> Option<&OsStr> {
        let path = self.served();
        path.file_name().filter(|_| path.is_file())
    }

    /// The limits on what a client may send.
    pub fn limits(&self) -> Limits {
        let mut limits = Limits::DESKTOP;
        limits.form = if self.no_forms { 0 } else { self.max_form };
        limits.multipart = self.files.max_upload;
        limits
    }

    /// Starts the log that is asked for, on standard error: that of `worker`, if this process is one.
    pub(super) fn log(&self, worker: Option<&Worker>) -> Log {
        let log = worker.map_or_else(Log::to_stderr, |_| Log::to_shared_stderr());
        let log = if self.quiet { log } else { log.with_access() };
        match worker.filter(|_| self.verbose) {
            Some(worker) => log.with_heads().with_mark(format!("[{}] ", worker.number()).leak()),
            None if self.verbose => log.with_heads(),
            None => log,
        }
    }

    /// Whether what is asked for can be had of several processes.
    ///
    /// # Errors
    /// Each process would show the forms that were sent to it, and no others.
    pub(super) fn suit_workers(&self) -> Result<(), Problem> {
        #[cfg(any(feature = "postgres", feature = "sqlite"))]
        if self.database.is_some() {
            return Ok(());
        }
        if self.submissions {
            let problem =
                "with --workers, --submissions needs a --database, which all of them share";
            return Err(Problem(problem.into()));
        }
        Ok(())
    }

    /// Opens the store that forms are kept in.
    ///
    /// # Errors
    /// The database can't be opened.
    pub fn forms(&self, log: &Log) -> Result<Forms, Problem> {
        #[cfg(any(feature = "postgres", feature = "sqlite"))]
        if let Some(database) = &self.database {
            let forms = Forms::open(database, log)?;
            if self.path_in_site(Path::new(database)).is_some() {
                let warning = format!(
                    "the database '{database}' is in the folder that is served, and can be downloaded: \
                     keep it elsewhere"
                );
                log.note(warning.as_bytes());
            }
            return Ok(forms);
        }
        let _ = log;
        Ok(Forms::Memory(if self.submissions {
            MemoryStore::latest()
        } else {
            MemoryStore::none()
        }))
    }

    /// What is put around the services, as the flags ask for. Call it once.
    ///
    /// # Errors
    /// What is asked for makes no sense together, or the file of passwords can't be used.
    pub(super) fn layers(&self, log: &Log) -> Result<Layers, Problem> {
        let layers = Layers::of(self)?;
        if let Some(path) = self.access.secret_file()
            && self.path_in_site(path).is_some()
        {
            let warning = format!(
                "the passwords '{}' are in the folder that is served, and can be downloaded: keep them \
                 elsewhere",
                path.display()
            );
            log.note(warning.as_bytes());
        }
        Ok(layers.live(self.watched(log)?))
    }

    /// What is in the files of a certificate and its key; `None` if none are given.
    ///
    /// # Errors
    /// They can't be used.
    pub(super) fn tls_of_files(&self, log: &Log) -> Result<Option<Tls>, Problem> {
        let tls = self.tls.of_files()?;
        if let Some(path) = self.tls.secret_file()
            && self.path_in_site(path).is_some()
        {
            let warning = format!(
                "the private key '{}' is in the folder that is served, and can be downloaded: keep it elsewhere",
                path.display()
            );
            log.note(warning.as_bytes());
        }
        Ok(tls)
    }

    /// A certificate for what listens on `addresses`, if one is to be made for this run.
    ///
    /// # Errors
    /// It can't be made.
    pub(super) fn made_certificate(
        &self,
        addresses: &[Address],
    ) -> Result<Option<SelfMade>, Problem> {
        self.tls.made(self.sharing.hosts(), addresses)
    }

    /// Opens the folder where files are kept that come with forms, if there is to be one.
    ///
    /// # Errors
    /// It can't be made or written to, or programs are run in it.
    pub fn kept_files(&self, log: &Log) -> Result<Option<UploadFolder>, Problem> {
        let Some(path) = &self.files.uploads else { return Ok(None) };
        // Before anything is made.
        if self.runs_programs_in(path) {
            return Err(Problem::of_uploads_among_programs(path));
        }
        let is_there = path.exists();
        let uploads =
            UploadFolder::open(path).map_err(|error| Problem::of_uploads(path, &error))?;
        if !is_there {
            log.note(format!("made the folder '{}' for uploads", path.display()).as_bytes());
        }
        let uploads = uploads.log(log.clone());
        let Some(place) = self.path_in_site(path) else { return Ok(Some(uploads)) };
        let warning = format!(
            "uploads go to '{}', which is in the folder that is served: whoever reaches the server can \
             publish files there, pages with scripts included",
            path.display()
        );
        log.note(warning.as_bytes());
        let reserved = self.index.iter().cloned().chain(["404.html".to_owned()]).collect();
        Ok(Some(uploads.served_at(&place, reserved)))
    }

    /// Whether what is put into the folder at `path` would be run as a program.
    fn runs_programs_in(&self, path: &Path) -> bool {
        let holds = |folder: &String| {
            let folder = self.served().join(folder).canonicalize();
            folder.is_ok_and(|folder| resolved(path).is_some_and(|path| path.starts_with(folder)))
        };
        self.programs.folders().iter().any(holds)
    }

    /// The path from the root of the site to the file or folder at `path`; `None` if it is not served.
    fn path_in_site(&self, path: &Path) -> Option<PathBuf> {
        // A URL is no file.
        let (path, root) = (path.canonicalize().ok()?, self.served().canonicalize().ok()?);
        let is_hidden = |name: &OsStr| !self.hidden && name.as_bytes().starts_with(b".");
        let inside = path.strip_prefix(root).ok()?;
        (!inside.iter().any(is_hidden)).then(|| inside.to_owned())
    }

    /// Exports forms, and says how that went, if it is what was asked for.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(super) fn exported(&self) -> Option<Result<(), Problem>> {
        Some(export::print(self.database.as_deref()?, self.export?))
    }

    /// The site in `folder`, with its forms kept in `forms`, and their files in `uploads`. Call it once: the
    /// site stays in memory until the process ends.
    pub fn site<S: Storage + 'static, U: service::Uploads + 'static>(
        &self,
        folder: S,
        forms: &'static Forms,
        uploads: U,
    ) -> &'static Site<'static, Shown<S>, &'static Forms, &'static Forms, U> {
        let leak = |text: &String| -> &'static str { text.clone().leak() };
        // A single file stands for the folder, which has nothing else.
        let file = self.file().map(|name| name.to_string_lossy().into_owned());
        let index = file.as_ref().map_or(self.index.as_slice(), std::slice::from_ref);
        let index: Vec<&'static str> = index.iter().map(leak).collect();
        let types: Vec<(&'static str, &'static str)> =
            self.mime.iter().map(|(extension, kind)| (leak(extension), leak(kind))).collect();
        let types: &[_] = types.leak();
        let storage = self.replies.pages(folder, types);
        let site = Site::new(storage).index(index.leak()).types(types);
        let site = if self.no_listing { site.without_listings() } else { site };
        let site = if self.hidden || file.is_some() { site.show_hidden() } else { site };
        let site = if self.no_forms { site.without_forms() } else { site };
        let site = match self.replies.cache_control() {
            Some(cache_control) => site.cache_control(leak(&cache_control)),
            None => site,
        };
        let site = site.submissions(forms).show_submissions(self.submissions.then_some(forms));
        Box::leak(Box::new(site.uploads(uploads)))
    }

    /// `site` with the programs in `programs`, which are run by a frontend that waits as `W` does, and are
    /// told of users if `layers` ask for passwords.
    pub fn with_programs<S, W: Waiting + Default>(
        &self,
        site: S,
        programs: Folder,
        log: &Log,
        layers: &Layers,
    ) -> Cgi<S, W> {
        let deadlines = self.times.deadlines();
        let service = self.programs.service(site, programs, self.hidden, deadlines, log.clone());
        if layers.ask_for_passwords() { service.with_users() } else { service }
    }

    /// Says on standard output what is served, and at which `addresses`, and whatever else was asked for.
    pub(super) fn announce(&self, addresses: &[Address], tls: Option<&Tls>, log: &Log) {
        let mut path = b"/".to_vec();
        if let Some(file) = self.file() {
            percent_encode(file.as_bytes(), &mut |piece| path.extend_from_slice(piece));
        }
        let path = String::from_utf8_lossy(&path);
        let name = self.served().display().to_string();
        let scheme = self.tls.scheme();
        self.sharing.announce(&Served { name: &name, scheme, path: &path, addresses, tls }, log);
    }
}

/// The path without links of what is at `path`, or of what would be made there.
fn resolved(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    path.canonicalize().ok().or_else(|| {
        let folder = absolute.parent()?.canonicalize().ok()?;
        Some(folder.join(absolute.file_name()?))
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        flags: Flags,
    }

    fn flags(line: &str) -> Option<Flags> {
        let line = ["thimble"].into_iter().chain(line.split_whitespace());
        Command::try_parse_from(line).ok().map(|command| command.flags)
    }

    fn hosts(flags: &Flags) -> Vec<&str> {
        flags.sharing.hosts().collect()
    }

    fn problem<T>(outcome: Result<T, Problem>) -> String {
        outcome.err().map(|problem| problem.to_string()).unwrap_or_default()
    }

    #[test]
    fn no_flags_serve_the_current_folder_to_this_machine() {
        let Some(flags) = flags("") else { panic!("refused") };
        assert_eq!(flags.path, Path::new("."));
        assert_eq!((hosts(&flags), flags.sharing.port), (vec!["127.0.0.1"], 8000));
        assert_eq!((flags.max_conns, flags.limits().form), (1024, 1024 * 1024));
        assert_eq!(flags.index, ["index.html", "index.htm"]);
        assert!(!(flags.no_forms || flags.submissions || flags.hidden));
        assert!(!(flags.quiet || flags.verbose));
    }

    #[test]
    fn all_flags() {
        let line = "-p 1 -b [::1] --bind unix:a -b b --qr --open --max-conns 2 --index a --index b --no-listing --mime .foo=a/b --mime c=d/e;f=g --max-form 3 --submissions --hidden -q -v x";
        let Some(flags) = flags(line) else { panic!("refused") };
        assert_eq!((hosts(&flags), flags.sharing.port), (vec!["::1", "b"], 1));
        assert_eq!((flags.sharing.bind.len(), flags.max_conns), (3, 2));
        assert!(flags.sharing.qr && flags.sharing.open);
        assert_eq!(flags.limits().form, 3);
        assert_eq!(flags.index, ["a", "b"]);
        let types = [("foo", "a/b"), ("c", "d/e;f=g")];
        assert!(flags.mime.iter().map(|(a, b)| (&**a, &**b)).eq(types));
        assert!(flags.no_listing);
        assert!(flags.submissions && flags.hidden && flags.quiet && flags.verbose);
    }

    #[test]
    fn of_a_flag_that_is_given_twice_the_last_counts() {
        let line = "-p 1 --port 2 --qr --qr --max-conns 1 --max-conns 2 --max-form 1 --max-form 2k -q -q --hidden --hidden";
        let Some(flags) = flags(line) else { panic!("refused") };
        assert_eq!((flags.sharing.port, flags.max_conns), (2, 2));
        assert!(flags.max_form == 2048 && flags.quiet && flags.hidden);
    }

    #[test]
    fn the_folder_may_be_given_as_python_takes_it() {
        for line in ["-d site", "--directory site", "--directory=site", "site"] {
            let path = flags(line).map(|flags| flags.served().to_owned());
            assert_eq!(path.as_deref(), Some(Path::new("site")), "{line}");
        }
        assert!(flags("-d site other").is_none());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "-p 65536",
            "-p -1",
            "-b 127.0.0.1:x",
            "-b unix:",
            "--max-conns 0",
            "--max-form 1073741825",
            "--max-form x",
            "--max-form 2G",
            "--index a/b",
            "--index ..",
            "--mime foo",
            "--mime foo=bar",
            "--mime =a/b",
            "a b",
            "--unknown",
        ] {
            assert!(flags(line).is_none(), "{line}");
        }
    }

    #[test]
    fn problems_say_what_to_do() {
        let of_listener =
            |line: &str| problem(flags(line).map_or(Ok(()), |it| it.sharing.listen().map(drop)));
        assert_eq!(
            of_listener("-p 0 -b 192.0.2.1"),
            "192.0.2.1 is not an address of this machine: give --bind one that is, or 0.0.0.0 for all"
        );
        assert!(
            of_listener("-p 0 -b no.such.host.invalid").starts_with("can't find an address for ")
        );
        assert_eq!(
            Problem::of_listener("::1", 80, &io::ErrorKind::PermissionDenied.into(), None)
                .to_string(),
            "port 80 needs more privileges than you have: choose one from 1024 up with --port"
        );
        let of_folder =
            |line: &str| problem(flags(line).map_or(Ok(()), |it| it.folder().map(drop)));
        assert_eq!(
            of_folder("/no/such/folder"),
            "there is no folder or file '/no/such/folder': give the path of one"
        );
        assert_eq!(
            of_folder("80801234"),
            "there is no folder or file '80801234': give the path of one"
        );
        assert_eq!(
            of_folder("8080"),
            "there is no folder '8080': if that is the port, say -p 8080"
        );
        assert_eq!(
            of_folder("Cargo.toml/x"),
            "there is no folder 'Cargo.toml/x': a part of that path is a file"
        );
        assert_eq!(
            of_folder("/dev/null"),
            "'/dev/null' is neither a folder nor a file: give the path of one"
        );
        assert_eq!(of_folder("Cargo.toml"), "");
    }
}
