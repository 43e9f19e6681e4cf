package cli

import (
	"os"
	"path/filepath"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/place"
)

// otherAgent is an agent that has no hooks, or none that are read.
type otherAgent struct {
	name    string // of its agent in the trail
	title   string
	program string
	folder  string // in the home directory
}

func otherAgents() []otherAgent {
	return []otherAgent{
		{"opencode", "OpenCode", "opencode", ".config/opencode"},
		{"aider", "Aider", "aider", ".aider.conf.yml"},
	}
}

// examineOtherAgents tells which agents of this machine nothing records by
// itself, and how to record at least that they ran.
func (p *Program) examineOtherAgents(d *ask.Doctor) {
	for _, a := range otherAgents() {
		program := p.lookPath(a.program)
		_, err := os.Stat(filepath.Join(place.Home(p.Env), filepath.FromSlash(a.folder)))
		switch {
		case program != "":
			d.Add(warning(a.name, "whodid run --agent local/"+a.name+" -- "+a.program,
				"%s is on this machine. What it does is not recorded; its runs are if they are started so.", a.title))
		case err == nil:
			d.Add(warning(a.name, "", "%s has settings on this machine. What it does is not recorded.", a.title))
		}
	}
}
