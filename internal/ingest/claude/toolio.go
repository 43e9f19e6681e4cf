package claude

import "strings"

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
	if input.is('"') {
		input = document([]byte(input.text(1 << 20)))
	}
	var path, notebook, file string
	input.members(func(name []byte, v value) {
		switch string(name) {
		case "file_path", "filePath", "absolute_path":
			file = v.text(maxPath)
		case "notebook_path":
			notebook = v.text(maxPath)
		case "path", "dir_path":
			path = v.text(maxPath)
		case "command":
			if v.is('"') {
				in.command, in.hasCommand = v.text(maxCommand), true
			}
		case "run_in_background", "is_background":
			in.background = v.truth()
		case "url":
			in.url = v.text(maxPath)
		case "subagent_type":
			in.agentType = identifier(v.text(maxIDRead))
		case "content", "file_text":
			if v.is('"') {
				in.size, in.lines = v.measure()
				in.hasContent = true
			}
		}
	})
	in.path = firstOf(file, notebook, path)
	return in
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
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
	c.response.members(func(name []byte, v value) {
		switch string(name) {
		case "file":
			v.members(func(name []byte, v value) {
				if string(name) == "numLines" {
					out.lines, out.hasLines = v.count()
				}
			})
		case "numFiles":
			out.files, out.hasFiles = v.count()
		case "code":
			out.code, _ = v.count()
		case "bytes":
			out.bytes, out.hasBytes = v.count()
		case "type":
			out.created = v.text(16) == "create"
		case "structuredPatch":
			out.patch(v)
		case "agentId":
			out.agentID = cleanID(v.text(maxIDRead))
		case "isError", "is_error":
			out.isError = v.truth()
		case "error":
			out.failure = v.is('{') || v.is('[') || v.is('"') && v.text(1) != "" || v.truth()
		case "resultType":
			out.denied = v.text(16) == "denied" || v.text(16) == "rejected"
			out.isError = out.isError || v.text(16) == "failure"
		}
	})
	return out
}

// patch counts the lines of a patch: an array of hunks, whose lines begin with
// a plus, a minus or a space.
func (o *outcome) patch(v value) {
	if !v.is('[') {
		return
	}
	o.patched = true
	v.elements(func(hunk value) bool {
		hunk.members(func(name []byte, v value) {
			if string(name) != "lines" {
				return
			}
			v.elements(func(line value) bool {
				switch line.text(1) {
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

// streams are what a shell command printed, and what the client says of it.
type streams struct {
	stdout, stderr string
	interrupted    bool
	background     bool // it goes on in the background
	interpreted    bool // an exit status other than zero that the client takes for good
	told           bool // the response has the shape of Claude Code's
}

func (c *call) streams() streams {
	var s streams
	if c.response.is('"') { // Codex: the output and nothing else
		s.stdout = output(c.response)
		return s
	}
	c.response.members(func(name []byte, v value) {
		switch string(name) {
		case "stdout":
			s.stdout, s.told = output(v), true
		case "llmContent", "textResultForLlm":
			s.stdout = output(v)
		case "stderr":
			s.stderr = output(v)
		case "interrupted":
			s.interrupted = v.truth()
		case "backgroundTaskId":
			s.background = s.background || v.text(1) != ""
		case "returnCodeInterpretation":
			s.interpreted = v.text(1) != ""
		}
	})
	return s
}

// output decodes what a command printed: all of it, or of more than a megabyte
// the beginning and the end, where a command's proof stands.
func output(v value) string {
	const most, part = 1 << 20, 128 << 10
	if len(v) <= most || !v.is('"') {
		return v.text(most)
	}
	inner := v.inner()
	tail := inner[len(inner)-part:]
	// The tail may begin within an escape: go on behind the first line feed.
	if i := strings.Index(string(tail), `\n`); i >= 0 {
		tail = tail[i+2:]
	}
	return inner.unescape(part) + "\n" + tail.unescape(part)
}
