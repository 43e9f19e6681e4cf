package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/install"
	"github.com/whodid/whodid/internal/place"
)

// registered is what became of "whodid mcp" in one client's list of servers.
type registered struct {
	Client   string `json:"client"`
	Settings string `json:"settings"`
	// Action is installed, updated, unchanged, removed or absent.
	Action string `json:"action"`
	// Created and Deleted tell that the file itself came or went.
	Created bool `json:"created"`
	Deleted bool `json:"deleted"`

	title string
}

// mcpServer is how clients start "whodid mcp". What is in a project is for all who
// work on it, and names no path of this machine.
func (p *Program) mcpServer(o *initOptions, where place.Trail) (install.Server, error) {
	s := install.Server{Command: "whodid", Args: []string{"mcp"}}
	if !o.project {
		self, err := os.Executable()
		if err != nil {
			return s, fmt.Errorf("couldn't find this program: %w", err)
		}
		s.Command = filepath.ToSlash(self)
		if p.store != "" || p.Env("WHODID_STORE") != "" {
			s.Args = append(s.Args, "--store", withoutPassword(where))
		}
	}
	if o.agent != "" {
		s.Args = append(s.Args, "--agent", o.agent)
	}
	return s, nil
}

// registries are those of the clients, with the file of each. VS Code has no hooks of
// its own, and servers only in a project.
func (p *Program) registries(o *initOptions, clients []install.Client, where place.Trail) (list []install.Registry, files []install.File) {
	for _, r := range install.Registries() {
		named := slices.ContainsFunc(clients, func(c install.Client) bool { return c.Name == r.Client })
		if _, hooked := install.ClientNamed(r.Client); !named && (hooked || len(o.only) > 0 || !o.remove && !p.hasVSCode()) {
			continue
		}
		f := install.File{Mode: 0o600, Fresh: r.Fresh(), Path: r.Path(place.Home(p.Env), p.Env)}
		if o.project {
			f.Path, f.Mode = "", 0o644
			if r.Project != "" {
				f.Path = filepath.Join(p.Dir, filepath.FromSlash(r.Project))
			}
		}
		if f.Path == "" {
			continue
		}
		f.Note = noteOf(where, f.Path) + ".mcp"
		list, files = append(list, r), append(files, f)
	}
	return list, files
}

// registerMCP tells the clients of "whodid mcp".
func (p *Program) registerMCP(o *initOptions, clients []install.Client, where place.Trail, dry bool) ([]registered, error) {
	if !o.mcp {
		return nil, nil
	}
	server, err := p.mcpServer(o, where)
	if err != nil {
		return nil, err
	}
	var all []registered
	list, files := p.registries(o, clients, where)
	for i := range list {
		out, err := files[i].InstallServer(&list[i], server, dry)
		if err != nil {
			return nil, withHint(err, "nothing was changed; correct it, or tell the client of it by hand: docs/mcp.md")
		}
		r := registered{Client: list[i].Client, title: list[i].Title, Settings: files[i].Path, Action: "unchanged", Created: out.Created}
		switch {
		case out.Changed && out.Replaced > 0:
			r.Action = "updated"
		case out.Changed:
			r.Action = "installed"
		}
		all = append(all, r)
	}
	return all, nil
}

// unregisterMCP takes "whodid mcp" out of the clients' lists again.
func (p *Program) unregisterMCP(o *initOptions, clients []install.Client, where place.Trail) ([]registered, error) {
	var all []registered
	list, files := p.registries(o, clients, where)
	for i := range list {
		out, err := files[i].UninstallServer(&list[i], o.dry)
		if err != nil {
			return nil, withHint(err, "nothing was changed; correct it, or take whodid out by hand")
		}
		if out.Changed {
			all = append(all, registered{Client: list[i].Client, title: list[i].Title, Settings: files[i].Path, Action: "removed", Deleted: out.Deleted})
		}
	}
	return all, nil
}

func (p *Program) sayRegistered(all []registered, dry bool) {
	for i := range all {
		r := &all[i]
		switch {
		case r.Action == "removed" && dry:
			fmt.Fprintf(p.Stdout, "Would take whodid mcp out of %s.\n", r.Settings)
		case r.Action == "removed":
			fmt.Fprintf(p.Stdout, "Took whodid mcp out of %s: %s can't ask the trail any more.\n", r.Settings, r.title)
		case r.Action == "unchanged":
			fmt.Fprintf(p.Stdout, "%s knows whodid's server already: it is in %s.\n", r.title, r.Settings)
		case dry:
			fmt.Fprintf(p.Stdout, "Would put whodid mcp into %s%s.\n", r.Settings, createdNote(r.Created))
		default:
			fmt.Fprintf(p.Stdout, "Put whodid mcp into %s%s: %s can ask the trail.\n", r.Settings, createdNote(r.Created), r.title)
		}
	}
}

// examineMCP looks whether what clients were told to start, to ask the trail, is there.
func (p *Program) examineMCP(d *ask.Doctor) {
	var titles []string
	programs := map[string]string{}
	for _, r := range install.Registries() {
		paths := []string{r.Path(place.Home(p.Env), p.Env)}
		if r.Project != "" {
			paths = append(paths, p.projectFile(&install.Client{Project: r.Project}))
		}
		for _, path := range paths {
			text, err := readSettings(path)
			if path == "" || errors.Is(err, fs.ErrNotExist) {
				continue
			}
			var s install.Server
			var ok bool
			if err == nil {
				s, ok, err = r.Find(text)
			}
			if err != nil || !ok {
				continue // whose file can't be read, the client says itself
			}
			programs[s.Command] = path
			if !slices.Contains(titles, r.Title) {
				titles = append(titles, r.Title)
			}
		}
	}
	broken := false
	for _, program := range slices.Sorted(maps.Keys(programs)) {
		_, err := os.Stat(program)
		if !filepath.IsAbs(program) && p.lookPath(program) != "" {
			err = nil
		}
		if err != nil {
			broken = true
			d.Add(warning("mcp", "whodid init --mcp", "%s is to be started for agents to ask the trail, by %s, and is not there.", program, programs[program]))
		}
	}
	if len(titles) > 0 && !broken {
		d.Add(fine("mcp", "Agents can ask the trail: %s start%s whodid mcp.", strings.Join(titles, ", "), map[bool]string{true: "s"}[len(titles) == 1]))
	}
}
