package agent

import (
	"strings"

	"github.com/whodid/whodid"
)

// Patched is what a patch does to one file.
type Patched struct {
	// What is file.write, file.edit, file.delete or file.move.
	What string
	// Path is as the patch names it; of a file that moves, where it moves to.
	Path string
	// Added and Removed count lines.
	Added, Removed int64
}

// maxPatched is how many files of a patch are told.
const maxPatched = 200

// Patch reads a patch of the kind that apply_patch takes: what Codex gives to
// its tool of that name, to a shell, and writes into its rollouts. Each file is
// a part of the call, in the order of the patch. Of a text without a patch it
// reads nothing.
func Patch(text string) []Patched {
	_, text, ok := strings.Cut(text, "*** Begin Patch")
	if !ok {
		return nil
	}
	var files []Patched
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if line == "*** End Patch" {
			break
		}
		header, isHeader := strings.CutPrefix(line, "*** ")
		if !isHeader {
			if n := len(files); n > 0 {
				files[n-1].count(line)
			}
			continue
		}
		verb, path, _ := strings.Cut(header, ": ")
		what := ""
		switch verb {
		case "Add File":
			what = "file.write"
		case "Update File":
			what = "file.edit"
		case "Delete File":
			what = "file.delete"
		case "Move to":
			if n := len(files); n > 0 {
				files[n-1].What, files[n-1].Path = "file.move", path
			}
		}
		if what == "" {
			continue
		}
		if len(files) == maxPatched {
			break
		}
		files = append(files, Patched{What: what, Path: path})
	}
	return files
}

// count counts a line of a file's part.
func (p *Patched) count(line string) {
	switch {
	case strings.HasPrefix(line, "+"):
		p.Added++
	case strings.HasPrefix(line, "-"):
		p.Removed++
	}
}

// patchActions tells what a patch does to each file, whether a tool or a shell
// applies it; nothing if the call is no patch.
func (h *hook) patchActions(c *call, in arguments, kind string, at stage) []action {
	switch {
	case kind == "file.edit" && (c.tool == "apply_patch" || c.tool == "ApplyPatch"):
	case kind == "shell.run" && strings.HasPrefix(strings.TrimSpace(in.command), "apply_patch"):
		if at == stageDone && !c.said {
			at = stageOpen // the output alone does not prove it
		}
	default:
		return nil
	}
	var out outcome
	if at == stageDone {
		out = c.outcome()
	}
	files := Patch(in.command)
	actions := make([]action, len(files))
	for i, f := range files {
		a := action{what: f.What, target: h.place().target(f.Path), result: at.result(), data: whodid.Data{}}
		Put(a.data, "reason", at.reason())
		if at == stageDone {
			a.settle(out, false)
		}
		number(a.data, "lines_added", f.Added, f.What == "file.write" || f.What == "file.edit")
		number(a.data, "lines_removed", f.Removed, f.What == "file.edit")
		actions[i] = a
	}
	return actions
}
