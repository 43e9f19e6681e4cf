package gitlog

import (
	"slices"
	"strconv"
	"strings"

	"github.com/whodid/whodid/internal/authorship"
	"github.com/whodid/whodid/trailer"
)

// Kind says whose work a commit is.
type Kind string

// The kinds of commits. A commit is a person's if nothing says otherwise: that
// no agent had a part in it is not known.
const (
	Agent    Kind = "agent"    // an agent made it, or its lines
	Assisted Kind = "assisted" // a person's, who says that an agent helped
	Bot      Kind = "bot"      // a program's that is no agent: it bumps versions, it merges
	Human    Kind = "human"
)

// Kinds lists the kinds in the order in which they are shown.
func Kinds() []Kind { return []Kind{Agent, Assisted, Bot, Human} }

// Evidence is what an attribution rests on.
type Evidence string

// The kinds of evidence, the strongest first. Only the first three are ours and
// name an execution; the others are conventions of other tools.
const (
	// Trailers are the five of policy ORG-001, complete and sound, where git
	// reads them.
	Trailers Evidence = "trailers"
	// Block is some of the five, or all of them where git does not read them.
	Block Evidence = "block"
	// OurNote is a note that holds the five, which the message lost.
	OurNote Evidence = "note"
	// Note is a note of git-ai.
	Note Evidence = "git-ai-note"
	// Checkpoint is a trailer that names a checkpoint of Entire.
	Checkpoint Evidence = "entire-checkpoint"
	// CoAuthor is a Co-authored-by line with the address of a known agent.
	CoAuthor Evidence = "co-author"
	// Identity is a known agent's address as author or committer.
	Identity Evidence = "identity"
	// AssistedBy is a line such as "Assisted-by: AGENT:MODEL".
	AssistedBy Evidence = "assisted-by"
)

// Attribution is what a commit itself says about who made it.
type Attribution struct {
	Kind Kind
	// Evidence is everything that speaks for Kind, the strongest first; empty
	// for a person's commit.
	Evidence []Evidence
	// Form is the shape in which the strongest block was found; see
	// [trailer.Form].
	Form trailer.Form
	// Origins are the sets of the five that the message holds, one for each run
	// that a squash was made of, each once.
	Origins []trailer.Origin
	// MoreOrigins counts those left out because no squash has so many.
	MoreOrigins int
	// Credits are the agents that other conventions name, each once.
	Credits []string
	// Model is the model that the strongest evidence names.
	Model string
	// Checkpoints are ids of Entire checkpoints.
	Checkpoints []string
	// References are the commits that this one reverts, was picked from or
	// squashes.
	References []trailer.Reference
	// Pull is the number of the pull request that the subject names; 0 if none.
	Pull int64
}

// The bounds of what is kept of one message.
const (
	maxOrigins    = 128
	maxCredits    = 8
	maxReferences = 32
)

// Attribute reads from a commit and the notes on it who made it. It looks at each
// byte of the message a few times at most.
func Attribute(c *Commit, notes CommitNotes) Attribution {
	a := Attribution{Kind: Human}
	a.readBlocks(c.Message, false)
	a.readBlocks(notes.Trailers, true)
	if notes.Authorship != nil {
		for _, agent := range notes.Authorship.Agents {
			a.add(Note, agent.Tool, agent.Model)
		}
	}
	if a.Checkpoints = authorship.CheckpointIDs(c.Message); len(a.Checkpoints) > 0 {
		a.add(Checkpoint, "", "")
	}
	a.readCredits(c)
	a.References = trailer.References(c.Message)
	a.References = a.References[:min(len(a.References), maxReferences)]
	a.Pull = pullNumber(c)
	slices.SortStableFunc(a.Evidence, func(x, y Evidence) int { return x.rank() - y.rank() })
	a.judge(c)
	return a
}

var evidenceOrder = [...]Evidence{Trailers, Block, OurNote, Note, Checkpoint, CoAuthor, Identity, AssistedBy}

func (e Evidence) rank() int { return slices.Index(evidenceOrder[:], e) }

// Ours tells whether the evidence is of the trail's own kind.
func (e Evidence) Ours() bool { return e == Trailers || e == Block || e == OurNote }

// Strongest is what the attribution rests on in the first place, or "".
func (a *Attribution) Strongest() Evidence {
	if len(a.Evidence) == 0 {
		return ""
	}
	return a.Evidence[0]
}

// Executions are the ids of the runs that the commit leads to, each once.
func (a *Attribution) Executions() []string {
	var ids []string
	for _, o := range a.Origins {
		if o.Execution != "" && !slices.Contains(ids, o.Execution) {
			ids = append(ids, o.Execution)
		}
	}
	return ids
}

// add notes a piece of evidence. Of several models the first counts, for what
// is stronger is read first.
func (a *Attribution) add(e Evidence, credit, model string) {
	if !slices.Contains(a.Evidence, e) {
		a.Evidence = append(a.Evidence, e)
	}
	if credit != "" && len(a.Credits) < maxCredits && !slices.Contains(a.Credits, credit) {
		a.Credits = append(a.Credits, credit)
	}
	if a.Model == "" {
		a.Model = model
	}
}

// readBlocks reads the five, of a message or of a note. What is quoted or fenced
// speaks of another commit.
func (a *Attribution) readBlocks(msg string, note bool) {
	seen := map[trailer.Origin]bool{}
	for _, o := range a.Origins {
		seen[o] = true
	}
	for _, b := range trailer.Blocks(msg) {
		if b.Form&(trailer.Quoted|trailer.Fenced) != 0 {
			continue
		}
		o := sound(b.Origin)
		if o == (trailer.Origin{}) || seen[o] {
			continue
		}
		evidence := Block
		if note {
			evidence = OurNote
		} else if b.Form.Has(trailer.Git) && b.Validate() == nil {
			evidence = Trailers
		}
		if a.Form == 0 || evidence == Trailers && !slices.Contains(a.Evidence, Trailers) {
			a.Form = b.Form
		}
		a.add(evidence, "", o.Model)
		if len(a.Origins) >= maxOrigins {
			a.MoreOrigins++
			continue
		}
		seen[o] = true
		a.Origins = append(a.Origins, o)
	}
}

// sound leaves out the values that are malformed: they lead nowhere, and may be
// anything.
func sound(o trailer.Origin) trailer.Origin {
	probe := trailer.Origin{Agent: "a/b", Squad: "a", Trigger: "manual", Execution: "exec-0", Model: "m"}
	var out trailer.Origin
	if p := probe; o.Agent != "" {
		p.Agent = o.Agent
		p.Squad, _, _ = strings.Cut(o.Agent, "/")
		if p.Validate() == nil {
			out.Agent = o.Agent
		}
	}
	if p := probe; o.Squad != "" {
		p.Squad, p.Agent = o.Squad, o.Squad+"/b"
		if p.Validate() == nil {
			out.Squad = o.Squad
		}
	}
	if p := probe; o.Trigger != "" {
		if p.Trigger = o.Trigger; p.Validate() == nil {
			out.Trigger = o.Trigger
		}
	}
	if p := probe; o.Execution != "" {
		if p.Execution = o.Execution; p.Validate() == nil {
			out.Execution = o.Execution
		}
	}
	if p := probe; o.Model != "" {
		if p.Model = o.Model; p.Validate() == nil {
			out.Model = o.Model
		}
	}
	return out
}

// readCredits reads the conventions of others.
func (a *Attribution) readCredits(c *Commit) {
	for _, credit := range trailer.Credits(c.Message) {
		if credit.Key == "Co-authored-by" {
			a.add(CoAuthor, credit.Agent, credit.Model)
		} else if name, ok := assistant(credit); ok {
			a.add(AssistedBy, name, printable(credit.Model))
		}
	}
	if agent, ok := trailer.KnownAgent(c.AuthorName, c.AuthorEmail); ok {
		a.add(Identity, agent, "")
	}
	if agent, ok := trailer.KnownAgent(c.CommitterName, c.CommitterEmail); ok {
		a.add(Identity, agent, "")
	}
}

// assistants begin the names of agents that lines such as Assisted-by name.
var assistants = [...]string{
	"aider", "amp", "chatgpt", "claude", "cline", "codex", "copilot", "cursor", "deepseek", "devin", "droid", "gemini", "github copilot", "goose",
	"gpt", "grok", "jules", "junie", "kimi", "kiro", "llama", "mistral", "openai", "opencode", "qwen", "roo", "windsurf", "zed",
}

// assistant tells the agent that a line such as Assisted-by names, and whether it
// names one at all: people assist too, and their names have no place here. An
// agent that nobody knows counts where the line can mean nothing else, because
// it names a model or because of its key, and then has no name.
func assistant(c trailer.Credit) (name string, ok bool) {
	if c.Email != "" {
		name, ok = trailer.KnownAgent(c.Name, c.Email)
		return name, ok
	}
	lower := strings.ToLower(c.Agent)
	for _, known := range assistants {
		if strings.HasPrefix(lower, known) {
			return printable(c.Agent), true
		}
	}
	if c.Model != "" && !strings.Contains(c.Agent, " ") {
		return printable(c.Agent), true
	}
	return "", c.Key != "Assisted-by"
}

// printable cuts what somebody wrote for an agent's or a model's name, and
// leaves out what is none: an address or a person's full name has no place.
func printable(s string) string {
	const most = 64
	if len(s) > most || strings.ContainsAny(s, "@<>") {
		return ""
	}
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return ""
		}
	}
	return s
}

// judge draws the kind from the evidence.
func (a *Attribution) judge(c *Commit) {
	switch strongest := a.Strongest(); {
	case strongest == AssistedBy:
		a.Kind = Assisted
	case strongest != "":
		a.Kind = Agent
	case strings.HasSuffix(c.AuthorName, "[bot]"):
		a.Kind = Bot
	}
}

// pullNumber reads the pull request that a forge names in what it writes: "(#44)"
// at the end of a squash's subject, "Merge pull request #44 from", and GitLab's
// "See merge request group/project!44".
func pullNumber(c *Commit) int64 {
	subject := strings.TrimRight(c.Subject(), " ")
	if inner, ok := strings.CutSuffix(subject, ")"); ok {
		if i := strings.LastIndex(inner, "(#"); i >= 0 {
			if n := number(inner[i+2:]); n > 0 {
				return n
			}
		}
	}
	if rest, ok := strings.CutPrefix(subject, "Merge pull request #"); ok {
		digits, _, _ := strings.Cut(rest, " ")
		return number(digits)
	}
	const gitLab = "\nSee merge request "
	if i := strings.LastIndex(c.Message, gitLab); i >= 0 {
		line, _, _ := strings.Cut(c.Message[i+len(gitLab):], "\n")
		if _, digits, ok := strings.Cut(strings.TrimSpace(line), "!"); ok {
			return number(digits)
		}
	}
	return 0
}

func number(digits string) int64 {
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || n < 1 || digits[0] == '+' {
		return 0
	}
	return n
}
