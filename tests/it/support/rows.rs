//! How many rows each table of a SQLite file has, for what must leave none.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Python's standard library reads the file, so that no test needs to know a schema.
const SCRIPT: &str = "
import json, sqlite3, sys
db = sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True)
names = [name for (name,) in db.execute(\"SELECT name FROM sqlite_master WHERE type = 'table'\")]
print(json.dumps({name: db.execute('SELECT COUNT(*) FROM \"%s\"' % name).fetchone()[0] for name in names}))
";

pub(crate) fn rows(database: &Path) -> BTreeMap<String, u64> {
    let output = Command::new("python3").args(["-c", SCRIPT]).arg(database).output().expect("Python is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a number for each table")
}
