package ask

import (
	"slices"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// Files are what the execution did with files, by path: what [Session] tells of a
// session. What only was attempted is counted apart.
func (s *Show) Files() []SessionFile {
	f := sessionFold{files: map[string]*fileFold{}}
	for i := range s.Actions {
		a := &s.Actions[i]
		if !strings.HasPrefix(a.ActionType, "file.") || a.ActionType == "file.search" || a.Target == "" {
			continue
		}
		f.file(&store.Row{Event: whodid.Event{What: a.ActionType, Target: a.Target, At: a.At, Result: whodid.Result(a.Result), Data: a.Metadata}})
	}
	out := make([]SessionFile, 0, len(f.files))
	for _, file := range f.files {
		file.LinesAdded = optional(!file.noAdded, file.added)
		file.LinesRemoved = optional(!file.noRemoved, file.removed)
		out = append(out, file.SessionFile)
	}
	slices.SortFunc(out, func(a, b SessionFile) int { return strings.Compare(a.Path, b.Path) })
	return out
}
