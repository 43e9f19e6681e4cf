package trailer

import (
	"slices"
	"strings"
)

// Credit is what a message says about an agent in another convention than the
// five. It names no execution: weaker evidence than a [Block].
type Credit struct {
	Key   string   // Co-authored-by, Assisted-by, AI-assisted-by or Generated-by
	Agent string   // a name of [KnownAgent], or the agent as written
	Name  string   // of Co-authored-by: the name before the address
	Email string   // of Co-authored-by, lower case
	Model string   // of Assisted-by, or from a name like "aider (opus)"; often empty
	Tools []string // of Assisted-by: the analysis tools that helped
	Line  int      // counted from 1
}

// creditKeys are the keys of Credit. Credits knows the letters they begin with.
var creditKeys = [...]string{"Co-authored-by", "Assisted-by", "AI-assisted-by", "Generated-by"}

// maxCredits bounds what is kept of one message.
const maxCredits = 1 << 12

// Credits returns the agents that msg credits, in order. A co-author counts only
// if the address is that of a known agent: a person is none. Lines count
// wherever they stand, for forges gather them from squashed commits.
//
// Assisted-by has the form that the Linux kernel asks for, "AGENT:MODEL [TOOL…]"
// (Documentation/process/coding-assistants.rst); others write only an agent.
func Credits(msg string) []Credit {
	text := untilNUL(msg)
	var out []Credit
	line := 0
	for at := 0; at < len(text) && len(out) < maxCredits; {
		next := nextLine(text, at)
		line++
		switch text[at] | 0x20 {
		case 'c', 'a', 'g':
			if c, ok := readCredit(text[at:next]); ok {
				c.Line = line
				out = append(out, c)
			}
		}
		at = next
	}
	return out
}

func readCredit(line string) (Credit, bool) {
	for _, key := range creditKeys {
		if !hasPrefixFold(line, key) {
			continue
		}
		value, ok := strings.CutPrefix(strings.TrimLeft(line[len(key):], " \t"), ":")
		if value = trim(value); !ok || value == "" {
			return Credit{}, false
		}
		c := Credit{Key: key}
		if key == creditKeys[0] {
			return c.coAuthor(value)
		}
		return c.assistant(value), true
	}
	return Credit{}, false
}

func (c Credit) coAuthor(value string) (Credit, bool) {
	name, address, ok := strings.Cut(value, "<")
	address, _, closed := strings.Cut(address, ">")
	if !ok || !closed {
		return c, false
	}
	c.Name, c.Email = trim(name), strings.ToLower(trim(address))
	c.Agent, ok = KnownAgent(c.Name, c.Email)
	if model, has := strings.CutSuffix(c.Name, ")"); has && c.Agent == "Aider" {
		if _, model, has = strings.Cut(model, "("); has {
			c.Model = model
		}
	}
	return c, ok
}

func (c Credit) assistant(value string) Credit {
	if name, address, ok := strings.Cut(value, "<"); ok {
		c.Name = trim(name)
		address, _, _ = strings.Cut(address, ">")
		c.Email = strings.ToLower(trim(address))
		value = c.Name
	}
	agent, rest, ok := strings.Cut(value, ":")
	words := strings.Fields(rest)
	if !ok || len(words) == 0 || isSpace(rest[0]) {
		c.Agent = value
		return c
	}
	c.Agent, c.Model = trim(agent), words[0]
	for _, tool := range words[1:] {
		c.Tools = append(c.Tools, strings.Trim(tool, "[],"))
	}
	return c
}

// identity is how an agent signs: with an address, or with any address that
// ends so. All in lower case.
type identity struct {
	agent   string
	address []string
	suffix  []string // of an address; GitHub puts a number before it
}

// identities are facts published by the makers of the agents and gathered by
// the git-ai project (agent detection, Apache-2.0); aider's are in its manual.
var identities = [...]identity{
	{"Cursor", []string{"cursoragent@cursor.com"}, []string{"+cursor[bot]@users.noreply.github.com"}},
	{"Copilot", nil, []string{"+copilot@users.noreply.github.com", "+copilot-swe-agent[bot]@users.noreply.github.com"}},
	{"Devin", nil, []string{"+devin-ai-integration[bot]@users.noreply.github.com"}},
	{"Claude", []string{"noreply@anthropic.com"}, nil},
	{"Codex", []string{"noreply@openai.com", "codex@openai.com"}, nil},
	{"Droid", nil, []string{"+factory-droid[bot]@users.noreply.github.com"}},
	{"Windsurf", []string{"noreply@windsurf.com", "noreply@codeium.com"}, nil},
	{"Roo", []string{"roomote@roocode.com"}, nil},
	{"Aider", []string{"aider@aider.chat", "noreply@aider.chat"}, nil},
}

// KnownAgent returns which agent commits or co-authors under a name and an
// address, such as those of a commit's author. The case of the address does not
// matter. The name counts only if it is a bot's login or ends in "(aider)":
// anybody may be called Claude.
func KnownAgent(name, email string) (agent string, ok bool) {
	email = strings.ToLower(email)
	for _, id := range identities {
		if slices.Contains(id.address, email) {
			return id.agent, true
		}
		for _, suffix := range id.suffix {
			if strings.HasSuffix(email, suffix) {
				return id.agent, true
			}
		}
	}
	switch name = strings.ToLower(name); {
	case name == "cursor[bot]":
		return "Cursor", true
	case name == "copilot-swe-agent[bot]":
		return "Copilot", true
	case strings.HasSuffix(name, " (aider)"):
		return "Aider", true
	}
	return "", false
}
