package agent

import (
	"net/url"
	"path"
	"strings"
)

// place is where a session works, and how paths are told from there.
type place struct {
	cwd  string // working directory, with forward slashes
	root string // working tree that holds it, "" if there is none
	home string
}

func newPlace(cwd, root, home string) place {
	return place{cwd: slashed(cwd), root: slashed(root), home: slashed(home)}
}

// target tells a path relative to the working tree, or absolute with the home
// directory as ~ if it lies outside. It only looks at the text: links are not
// followed.
func (p place) target(name string) string {
	if name == "" {
		return ""
	}
	name = slashed(name)
	if !absolute(name) && !strings.HasPrefix(name, "~") {
		name = path.Join(p.cwd, name)
	}
	name = path.Clean(name)
	if inside, ok := below(p.root, name); ok {
		return inside
	}
	return p.short(name)
}

// short tells a path with the home directory as ~.
func (p place) short(name string) string {
	if name == "" {
		return ""
	}
	name = path.Clean(slashed(name))
	switch inside, ok := below(p.home, name); {
	case !ok:
		return name
	case inside == ".":
		return "~"
	default:
		return "~/" + inside
	}
}

// homeOf is the home directory of whom a transcript belongs to, by where the
// clients keep theirs; empty if the path does not tell.
func homeOf(transcript string) string {
	for _, folder := range [...]string{"/.claude/", "/.codex/", "/.gemini/", "/.copilot/", "/.cursor/"} {
		if home, _, ok := strings.Cut(slashed(transcript), folder); ok {
			return home
		}
	}
	return ""
}

// below returns name relative to a directory that holds it.
func below(dir, name string) (string, bool) {
	if dir == "" || dir == "/" {
		return "", false
	}
	dir = path.Clean(dir)
	if name == dir {
		return ".", true
	}
	rest, ok := strings.CutPrefix(name, dir)
	if !ok || rest[0] != '/' {
		return "", false
	}
	return rest[1:], true
}

// slashed turns a Windows path, known by its drive letter or its leading \\,
// to forward slashes. Elsewhere a backslash is a character like any other.
func slashed(name string) string {
	if drive(name) || strings.HasPrefix(name, `\\`) {
		return strings.ReplaceAll(name, `\`, "/")
	}
	return name
}

func absolute(name string) bool { return strings.HasPrefix(name, "/") || drive(name) }

func drive(name string) bool {
	return len(name) >= 3 && alphanumeric(name[0]) && name[1] == ':' && (name[2] == '\\' || name[2] == '/')
}

// base is the last element of a path of either kind.
func base(name string) string {
	return name[strings.LastIndexAny(name, `/\`)+1:]
}

// page tells a web address without user, query and fragment, or nothing if it
// isn't one.
func page(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}
