package agent

import (
	"cmp"

	"github.com/whodid/whodid/internal/ingest/loose"
)

// arguments are what of a tool's input is needed.
type arguments struct {
	path       string
	command    string
	hasCommand bool
	background bool
	url        string
	agentType  string
	size       int64 // bytes and lines of the content to be written
	lines      int64
	hasContent bool
}

// maxCommand is more than the shell package reads of a command, so that it sees
// if there is more.
const maxCommand = 256 << 10

// arguments reads a tool's input. Copilot gives it as a string of JSON.
func (c *call) arguments() arguments {
	var in arguments
	input := c.input
	if input.Is('"') {
		input = loose.Document([]byte(input.Text(1 << 20)))
	}
	var path, notebook, file string
	input.Members(func(name []byte, v loose.Value) {
		switch string(name) {
		case "file_path", "filePath", "absolute_path", "target_file":
			file = v.Text(maxPath)
		case "notebook_path":
			notebook = v.Text(maxPath)
		case "path", "dir_path":
			path = v.Text(maxPath)
		case "files": // VS Code
			v.Elements(func(first loose.Value) bool {
				path = cmp.Or(path, first.Text(maxPath))
				return false
			})
		case "command":
			if v.Is('"') {
				in.command, in.hasCommand = v.Text(maxCommand), true
			}
		case "cmd", "input", "patch": // Codex
			if v.Is('"') && !in.hasCommand {
				in.command, in.hasCommand = v.Text(maxCommand), true
			}
		case "run_in_background", "is_background", "isBackground":
			in.background = v.Truth()
		case "url":
			in.url = v.Text(maxPath)
		case "subagent_type", "agent_name", "agent_type":
			in.agentType = Identifier(v.Text(MaxIDRead))
		case "content", "file_text", "contents":
			if v.Is('"') {
				in.size, in.lines = v.Measure()
				in.hasContent = true
			}
		}
	})
	in.path = cmp.Or(file, notebook, path)
	return in
}

// outcome is what of a tool's response is needed. What a file or page holds is
// counted by the client or counted here, never kept.
type outcome struct {
	lines, files, code, bytes    int64
	hasLines, hasFiles, hasBytes bool

	created        bool // a file that was not there before
	patched        bool // the next two are known
	added, removed int64

	agentID string // sub-agent that was started

	isError bool // said so in the manner of the protocol
	failure bool // carried an error
	denied  bool
}

func (c *call) outcome() outcome {
	var out outcome
	c.response.Members(func(name []byte, v loose.Value) {
		switch string(name) {
		case "file":
			v.Members(func(name []byte, v loose.Value) {
				if string(name) == "numLines" {
					out.lines, out.hasLines = v.Count()
				}
			})
		case "numFiles":
			out.files, out.hasFiles = v.Count()
		case "code":
			out.code, _ = v.Count()
		case "bytes":
			out.bytes, out.hasBytes = v.Count()
		case "type":
			out.created = v.Text(16) == "create"
		case "structuredPatch":
			out.patch(v)
		case "agentId":
			out.agentID = CleanID(v.Text(MaxIDRead))
		case "isError", "is_error":
			out.isError = v.Truth()
		case "error":
			out.failure = v.Is('{') || v.Is('[') || v.Is('"') && v.Text(1) != "" || v.Truth()
		case "returnDisplay": // Gemini CLI
			v.Members(out.display)
		case "resultType", "result_type": // Copilot CLI
			out.denied = v.Text(16) == "denied" || v.Text(16) == "rejected"
			out.isError = out.isError || v.Text(16) == "failure"
		}
	})
	return out
}

// display reads what Gemini CLI shows of a file that it wrote.
func (o *outcome) display(name []byte, v loose.Value) {
	switch string(name) {
	case "isNewFile":
		o.created = v.Truth()
	case "diffStat":
		v.Members(func(name []byte, v loose.Value) {
			n, ok := v.Count()
			switch string(name) {
			case "model_added_lines", "user_added_lines":
				o.added, o.patched = o.added+n, o.patched || ok
			case "model_removed_lines", "user_removed_lines":
				o.removed, o.patched = o.removed+n, o.patched || ok
			}
		})
	}
}

// patch counts the lines of a patch: an array of hunks, whose lines begin with
// a plus, a minus or a space.
func (o *outcome) patch(v loose.Value) {
	if !v.Is('[') {
		return
	}
	o.patched = true
	v.Elements(func(hunk loose.Value) bool {
		hunk.Members(func(name []byte, v loose.Value) {
			if string(name) != "lines" {
				return
			}
			v.Elements(func(line loose.Value) bool {
				switch line.Text(1) {
				case "+":
					o.added++
				case "-":
					o.removed++
				}
				return true
			})
		})
		return true
	})
}

// output decodes what a command printed: all of it, or of more than a megabyte
// the beginning and the end, where a command's proof stands.
func output(v loose.Value) string { return v.Ends(1<<20, 128<<10) }
