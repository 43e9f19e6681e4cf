// Package place says where a trail and what belongs to it lie on disk. It
// opens nothing: the hook, which must start in a moment, asks it too.
package place

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// ProjectDir is the folder of a project's own trail and policy.
const ProjectDir = ".whodid"

// trailFile is the name of a trail's SQLite file.
const trailFile = "trail.db"

// Location says where a trail is kept.
type Location struct {
	// URL is the address: "sqlite:///path/to/trail.db" or "postgres://…".
	URL string
	// Path is the database file; empty for PostgreSQL.
	Path string
}

// Parse reads the address of a trail: "sqlite:///path/to/trail.db",
// "postgres://…", or a plain path of a SQLite file.
func Parse(address string) (Location, error) {
	scheme, rest, hasScheme := strings.Cut(address, "://")
	switch {
	case address == "":
		return Location{}, errors.New("the address of the trail is empty")
	case !hasScheme:
		return file(address)
	case scheme == "sqlite":
		return file(rest)
	case scheme == "postgres" || scheme == "postgresql":
		return Location{URL: address}, nil
	default:
		return Location{}, fmt.Errorf("can't keep a trail in %q: use sqlite:///path/to/trail.db or postgres://…", scheme+"://")
	}
}

func file(path string) (Location, error) {
	if path == "" || strings.ContainsAny(path, "?#\x00") {
		return Location{}, fmt.Errorf("%q is not the path of a SQLite file", path)
	}
	abs, err := filepath.Abs(filepath.FromSlash(path))
	if err != nil {
		return Location{}, fmt.Errorf("couldn't find %s: %w", path, err)
	}
	return Location{URL: "sqlite://" + filepath.ToSlash(abs), Path: abs}, nil
}

// String is the address without a password: it is shown, and names pins. Of the
// query, where libpq's parameters may hold one too, only what says where the
// database is stays.
func (l Location) String() string {
	if l.Path != "" {
		return l.URL
	}
	u, err := url.Parse(l.URL)
	if err != nil {
		return "postgres://…"
	}
	where := url.Values{}
	for _, name := range []string{"host", "port", "dbname"} {
		if value := u.Query().Get(name); value != "" {
			where.Set(name, value)
		}
	}
	u.RawQuery, u.Fragment = where.Encode(), ""
	return u.Redacted()
}

// Trail is where a trail lies, with what belongs to it and is not in it.
type Trail struct {
	Location
	// Spool is the folder of events that wait.
	Spool string
	// Calls is the folder in which hooks number the calls of clients that give
	// them no id.
	Calls string
	// Logs is the folder of the output of runs.
	Logs string
	// SigningKey and PeopleKey are the files of the trail's keys. They are
	// apart because they live differently: forgetting everybody destroys the
	// second and leaves the proof. They are those of the default organisation;
	// see [Trail.Keys].
	SigningKey, PeopleKey string
	// OrgKeys is the folder of the keys of the other organisations.
	OrgKeys string
	// Imports is the file of what was imported so far, and Prices that of prices
	// newer than those in the program.
	Imports, Prices string
	// Pins is the folder of the checkpoints that this user has seen. It is
	// apart from the trail, so that who puts an old copy of the trail in place
	// does not put back the pin too.
	Pins string
	// Erasures is the folder of the requests to erase that were carried out, apart
	// from the trail for the same reason: an older copy of the trail is told what
	// it has not erased.
	Erasures string
	// Why says what chose this trail, for people who wonder.
	Why string
}

// errNoHome means that nothing says where a trail could lie.
var errNoHome = errors.New("HOME is not set, so that your own trail has no place: set it, or name a trail with --store or WHODID_STORE")

// Env looks up a variable of the environment.
type Env func(name string) string

// Find finds the trail and what belongs to it. Keys lie beside a SQLite trail
// and in the user's data directory for PostgreSQL, unless WHODID_KEYS names a
// folder for all of them, or WHODID_KEY the file that signs the log of the default
// organisation.
//
// The trail itself is the address given by flag, else by WHODID_STORE, else
// the project's own where a .whodid folder for more than its rules lies upwards
// of dir, else the user's.
func Find(flag, dir string, env Env) (Trail, error) {
	address, why := flag, "--store"
	if address == "" {
		address, why = env("WHODID_STORE"), "WHODID_STORE"
	}
	if address == "" {
		if project := projectDir(dir); project != "" {
			address, why = filepath.Join(project, trailFile), "the project's "+ProjectDir
		}
	}
	if address == "" {
		address, why = filepath.Join(dataDir(env), trailFile), "the user's own"
		if !filepath.IsAbs(address) {
			return Trail{}, errNoHome // else each folder that is worked in would get a trail
		}
	}
	l, err := Parse(address)
	if err != nil {
		return Trail{}, fmt.Errorf("%s: %w", why, err)
	}
	base, name := dataDir(env), "postgres-"+fingerprint(l)
	if l.Path != "" {
		base = filepath.Dir(l.Path)
		name = strings.TrimSuffix(filepath.Base(l.Path), filepath.Ext(l.Path))
	}
	keys, folder := filepath.Join(base, name), filepath.Join(base, name+".keys")
	if given := env("WHODID_KEYS"); given != "" {
		keys, folder = filepath.Join(given, orgFile(DefaultOrg)), given
	}
	state := stateDir(env)
	if !filepath.IsAbs(state) {
		state = filepath.Join(base, name+".state") // without a home there is no better place
	}
	signing := env("WHODID_KEY")
	if signing == "" {
		signing = keys + ".key"
	}
	return Trail{
		Location: l, Why: why,
		SigningKey: signing, PeopleKey: keys + ".people.key", OrgKeys: folder,
		Spool:   filepath.Join(base, name+".spool"),
		Calls:   filepath.Join(base, name+".calls"),
		Logs:    filepath.Join(base, name+".logs"),
		Imports: filepath.Join(base, name+".imports.json"),
		Prices:  filepath.Join(base, name+".prices.json"),
		Pins:    filepath.Join(state, "pins"),

		Erasures: filepath.Join(state, "erasures"),
	}, nil
}

// fingerprint tells PostgreSQL trails apart by where they are, not by who
// connects.
func fingerprint(l Location) string {
	id := l.URL
	if u, err := url.Parse(l.URL); err == nil {
		id = u.Host + u.Path
		if host := u.Query().Get("host"); host != "" {
			id = host + u.Query().Get("port") + u.Path
		}
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:8])
}

// projectDir returns the nearest .whodid folder upwards of dir that is the
// place of a trail. One that holds only the project's rules, which are
// committed with the code, is not: who adds a policy to a repository must not
// thereby take everybody's runs out of their own trails.
func projectDir(dir string) string {
	for dir != "" {
		candidate := filepath.Join(dir, ProjectDir)
		if info, err := os.Stat(candidate); err == nil && info.IsDir() && !onlyRules(candidate) {
			return candidate
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	return ""
}

// onlyRules tells whether a project's folder has a policy or a configuration
// and no trail.
func onlyRules(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, trailFile)); err == nil {
		return false
	}
	for _, name := range []string{"policy.toml", "config.toml"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// dataDir is where this user's programs keep their data: the XDG base
// directory specification on Unix, the usual places elsewhere.
func dataDir(env Env) string {
	switch {
	case env("XDG_DATA_HOME") != "":
		return filepath.Join(env("XDG_DATA_HOME"), "whodid")
	case runtime.GOOS == "windows" && env("LOCALAPPDATA") != "":
		return filepath.Join(env("LOCALAPPDATA"), "whodid")
	case runtime.GOOS == "darwin":
		return filepath.Join(Home(env), "Library", "Application Support", "whodid")
	default:
		return filepath.Join(Home(env), ".local", "share", "whodid")
	}
}

// ConfigFile is the file of this user's own settings.
func ConfigFile(env Env) string {
	switch {
	case env("XDG_CONFIG_HOME") != "":
		return filepath.Join(env("XDG_CONFIG_HOME"), "whodid", "config.toml")
	case runtime.GOOS == "windows" && env("APPDATA") != "":
		return filepath.Join(env("APPDATA"), "whodid", "config.toml")
	default:
		return filepath.Join(Home(env), ".config", "whodid", "config.toml")
	}
}

func stateDir(env Env) string {
	if env("XDG_STATE_HOME") != "" {
		return filepath.Join(env("XDG_STATE_HOME"), "whodid")
	}
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return filepath.Join(dataDir(env), "state")
	}
	return filepath.Join(Home(env), ".local", "state", "whodid")
}

// Home is the user's home directory.
func Home(env Env) string {
	if home := env("HOME"); home != "" {
		return home
	}
	return env("USERPROFILE")
}

// Repository returns the root of the git working tree that dir is in, and the
// "owner/name" of its origin; both are empty outside one. It reads a few small
// files and starts no program.
func Repository(dir string) (root, slug string) {
	for {
		git := filepath.Join(dir, ".git")
		if info, err := os.Stat(git); err == nil {
			return dir, originSlug(git, info.IsDir())
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", ""
		}
		dir = parent
	}
}

// originSlug reads the owner and name of the remote "origin" from git's
// configuration. .git is a file in worktrees and submodules, and points there.
func originSlug(git string, isDir bool) string {
	if !isDir {
		b, err := os.ReadFile(git)
		if err != nil {
			return ""
		}
		dir, ok := strings.CutPrefix(strings.TrimSpace(string(b)), "gitdir: ")
		if !ok {
			return ""
		}
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(filepath.Dir(git), dir)
		}
		git = dir
		if common, err := os.ReadFile(filepath.Join(git, "commondir")); err == nil {
			git = filepath.Join(git, strings.TrimSpace(string(common)))
		}
	}
	config, err := os.ReadFile(filepath.Join(git, "config"))
	if err != nil {
		return ""
	}
	inOrigin := false
	for line := range strings.Lines(string(config)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			inOrigin = line == `[remote "origin"]`
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if inOrigin && ok && strings.TrimSpace(name) == "url" {
			return slugOf(strings.TrimSpace(value))
		}
	}
	return ""
}

// slugOf takes the last two parts of the path of a remote's address:
// "owner/name". Whatever stands before the path, a user and a password among
// it, is no part of the name.
func slugOf(remote string) string {
	var path string
	scheme, rest, isURL := strings.Cut(remote, "://")
	switch {
	case isURL && scheme == "file":
		return "" // a folder of this machine names no owner
	case isURL:
		_, path, _ = strings.Cut(rest, "/")
		path, _, _ = strings.Cut(path, "?")
		path, _, _ = strings.Cut(path, "#")
	default:
		// As scp has it, [user@]host:path. A slash before the colon, or a single
		// letter, which is a drive, make it a folder.
		host, after, found := strings.Cut(remote, ":")
		if !found || len(host) < 2 || strings.ContainsAny(host, `/\`) {
			return ""
		}
		path = after
	}
	path = strings.TrimSuffix(strings.TrimSuffix(strings.Trim(path, "/"), ".git"), "/")
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	if len(parts) < 2 {
		return ""
	}
	return parts[len(parts)-2] + "/" + parts[len(parts)-1]
}
