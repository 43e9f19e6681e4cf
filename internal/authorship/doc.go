// Package authorship reads what other tools leave in git about the work of
// agents, and writes what they can read: authorship logs of git-ai, checkpoints
// of Entire, and Agent Trace records. What they say is weaker evidence than the
// trail's own: nobody signs it, and it names no execution.
//
// Everything here is a pure function over bytes. Input that is malformed is an
// error or is left out, and time and memory are bounded by its length.
package authorship

// Agent is an agent's session as another tool names it. What is not known is
// empty.
type Agent struct {
	// Tool is the agent's client, such as "claude" or "cursor".
	Tool string `json:"tool"`
	// Session is the tool's id of the session or conversation.
	Session string `json:"session"`
	// Model is the model that worked, as the tool calls it.
	Model string `json:"model"`
}

// maxText bounds a name or an id that another tool wrote, in bytes: what is
// longer is none.
const maxText = 256

// plain returns a foreign name if it can be one, else nothing: names are short
// and of printable characters.
func plain(s string) string {
	if len(s) > maxText {
		return ""
	}
	for _, c := range s {
		if c < ' ' || c >= 0x7f && c < 0xa0 || c == '\uFFFD' {
			return ""
		}
	}
	return s
}
