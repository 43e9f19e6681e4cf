package ask

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/whodid/whodid/internal/authorship"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
)

// othersClaim gathers what other tools say of a commit, or of the line in it.
func (w *whyer) othersClaim(ctx context.Context, c *WhyCommit) error {
	if log := c.notes.Authorship; log != nil {
		w.noteClaims(log)
	}
	for _, id := range c.checkpoints {
		claim := WhyClaim{Source: "entire", Kind: string(gitlog.Agent), Detail: "checkpoint " + id}
		if k := w.git.checkpoint(ctx, id); k != nil {
			claim.Tool, claim.Session = k.Agent.Tool, k.Agent.Session
		} else {
			claim.Detail += ", which is not at hand (git fetch origin " + authorship.CheckpointBranch + ")"
		}
		w.Claims = append(w.Claims, claim)
	}
	return nil
}

// noteClaims tells what a note of git-ai says: of the line, if one was asked
// about, else of the commit.
func (w *whyer) noteClaims(log *authorship.Log) {
	if w.Line != nil {
		agent, byAgent, human := log.Line(w.Line.OriginalPath, w.Line.OriginalLine)
		switch {
		case byAgent:
			w.Claims = append(w.Claims, WhyClaim{Source: "git-ai", Kind: string(gitlog.Agent), Tool: agent.Tool, Session: agent.Session, Model: agent.Model, Detail: "of this line"})
		case human:
			w.Claims = append(w.Claims, WhyClaim{Source: "git-ai", Kind: string(gitlog.Human), Detail: "of this line"})
		}
		return
	}
	for _, agent := range log.Agents {
		w.Claims = append(w.Claims, WhyClaim{Source: "git-ai", Kind: string(gitlog.Agent), Tool: agent.Tool, Session: agent.Session, Model: agent.Model, Detail: "of lines of the commit"})
	}
}

// checkpoint reads the first session of a checkpoint of Entire, here or as the
// origin has it; nil if neither has.
func (g *Git) checkpoint(ctx context.Context, id string) *authorship.Checkpoint {
	file := authorship.CheckpointFile(id, 0)
	if file == "" {
		return nil
	}
	for _, ref := range []string{"refs/heads/", "refs/remotes/origin/"} {
		text, err := g.Repo.Run(ctx, "cat-file", "blob", ref+authorship.CheckpointBranch+":"+file)
		if err != nil {
			continue
		}
		if k, err := authorship.ParseCheckpoint([]byte(text)); err == nil {
			return k
		}
	}
	return nil
}

// maxTraces is how much of a file of Agent Trace records is read, from its end,
// in bytes.
const maxTraces = 64 << 20

// traces gathers what Agent Trace records say of the line: those of the commit
// that wrote it, and those of its parent, for the reference implementation
// names the commit before.
func (w *whyer) traces(ctx context.Context, s *subject) {
	if w.git.Repo.Bare() {
		return
	}
	f, err := os.Open(filepath.Join(w.git.Repo.Root, filepath.FromSlash(authorship.TraceFile)))
	if err != nil {
		return
	}
	defer f.Close() //nolint:errcheck // it is only read
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return
	} else if over := info.Size() - maxTraces; over > 0 {
		if _, err := f.Seek(over, io.SeekStart); err != nil {
			return
		}
	}
	revisions := map[string]bool{}
	if w.Line.Commit != "" {
		revisions[w.Line.Commit] = true
		revisions[w.git.Repo.Resolve(ctx, w.Line.Commit+"^")] = true
	} else {
		revisions[w.git.Repo.Resolve(ctx, "HEAD")] = true
	}
	skipped, err := authorship.ReadTraces(f, func(t *authorship.Trace) error {
		if t.VCS == nil || t.VCS.Revision == "" || !revisions[t.VCS.Revision] {
			return nil
		}
		path, line := w.Line.OriginalPath, w.Line.OriginalLine
		if w.Line.Commit == "" {
			path, line = s.path, s.line
		}
		who, conversation, ok := t.Line(path, line)
		if !ok || len(w.Claims) >= maxWhy {
			return nil
		}
		kind := map[string]string{authorship.TraceAI: string(gitlog.Agent), authorship.TraceHuman: string(gitlog.Human)}[who.Type]
		if kind == "" {
			kind = who.Type
		}
		claim := WhyClaim{Source: "agent-trace", Kind: kind, Model: who.ModelID, Session: conversation, Detail: "record of revision " + short(t.VCS.Revision)}
		if t.Tool != nil {
			claim.Tool = t.Tool.Name
		}
		w.Claims = append(w.Claims, claim)
		return nil
	})
	if skipped > 0 || err != nil {
		w.miss("action", fmt.Sprintf("%d records of %s can't be read", skipped, authorship.TraceFile), "")
	}
}

// Trace is the answer to "whose are the lines of these files?" as an Agent Trace
// record, for tools that read that. id is the record's UUID.
func (g *Git) Trace(ctx context.Context, id, version, revision string, paths []string) (*authorship.Trace, error) {
	commit := g.Repo.Resolve(ctx, revision)
	if commit == "" {
		return nil, fmt.Errorf("%w: %q is no commit", ErrNoSubject, revision)
	}
	found, err := g.Repo.Commits(ctx, []string{commit})
	if err != nil {
		return nil, err
	}
	t := &authorship.Trace{
		Version: authorship.TraceVersion, ID: id, Timestamp: found[commit].CommittedAt.Format(time.RFC3339),
		VCS: &authorship.TraceVCS{Type: "git", Revision: commit}, Tool: &authorship.TraceTool{Name: "whodid", Version: version},
		Files: []authorship.TracedFile{},
	}
	for _, path := range paths {
		b, err := g.Blame(ctx, path, gitlog.BlameOptions{Revision: commit})
		if err != nil {
			return nil, err
		}
		t.Files = append(t.Files, traceFile(b))
	}
	return t, nil
}

// traceFile makes of the lines of a file the conversations of Agent Trace: one
// for each commit, with the runs that it names as related resources.
func traceFile(b *Blame) authorship.TracedFile {
	f := authorship.TracedFile{Path: b.Path, Conversations: []authorship.TraceConversation{}}
	commits := map[string]*Commit{}
	for i := range b.Commits {
		commits[b.Commits[i].Commit.Commit] = &b.Commits[i].Commit
	}
	type part struct{ commit, kind string }
	at := map[part]int{}
	for i := range b.Lines {
		l := &b.Lines[i]
		p := part{l.Commit, l.Kind}
		j, ok := at[p]
		if !ok {
			j = len(f.Conversations)
			at[p] = j
			f.Conversations = append(f.Conversations, traceConversation(commits[l.Commit], l.Kind))
		}
		ranges := &f.Conversations[j].Ranges
		if n := len(*ranges); n > 0 && (*ranges)[n-1].EndLine == l.Line-1 {
			(*ranges)[n-1].EndLine = l.Line
		} else {
			*ranges = append(*ranges, authorship.TraceRange{StartLine: l.Line, EndLine: l.Line})
		}
	}
	return f
}

func traceConversation(c *Commit, kind string) authorship.TraceConversation {
	who := &authorship.TraceContributor{Type: authorship.TraceUnknown}
	switch gitlog.Kind(kind) {
	case gitlog.Agent:
		who.Type = authorship.TraceAI
	case gitlog.Assisted:
		who.Type = authorship.TraceMixed
	case gitlog.Human:
		who.Type = authorship.TraceHuman
	case gitlog.Bot:
	}
	conversation := authorship.TraceConversation{Contributor: who, Ranges: []authorship.TraceRange{}}
	if c == nil {
		return conversation
	}
	if who.Type == authorship.TraceAI || who.Type == authorship.TraceMixed {
		who.ModelID = authorship.TraceModel(c.Model)
	}
	conversation.Related = append(conversation.Related, authorship.TraceRelated{Type: "commit", URL: "urn:git:commit:" + c.Commit})
	for _, id := range c.Executions() {
		conversation.Related = append(conversation.Related, authorship.TraceRelated{Type: "execution", URL: "urn:whodid:" + id})
	}
	return conversation
}
