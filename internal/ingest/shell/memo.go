package shell

// Memo remembers what commands did, so that a command that stands many times in
// one batch is read once. Whoever reads the batch drops it with the batch. The
// zero value is ready, and a nil one remembers nothing.
type Memo struct {
	told map[memoKey][]Act
}

// memoKey is all that [Acts] goes by where there is no output.
type memoKey struct {
	command, repo string
	ended         bool
	outcome       Outcome
}

// The bounds of what is remembered, in bytes of a command and in commands.
const (
	maxMemoCommand = 4 << 10
	maxMemo        = 1 << 10
)

// Acts are those of the function [Acts]. They may be shared: nobody may change
// them.
func (m *Memo) Acts(command string, out *Outcome, cwdRepo string) []Act {
	k := memoKey{command: command, repo: cwdRepo, ended: out != nil}
	if out != nil {
		k.outcome = *out
	}
	if m == nil || len(command) > maxMemoCommand || k.outcome.Stdout != "" || k.outcome.Stderr != "" {
		return Acts(command, out, cwdRepo)
	}
	if acts, ok := m.told[k]; ok {
		return acts
	}
	acts := Acts(command, out, cwdRepo)
	if m.told == nil {
		m.told = map[memoKey][]Act{}
	}
	if len(m.told) < maxMemo {
		m.told[k] = acts
	}
	return acts
}
