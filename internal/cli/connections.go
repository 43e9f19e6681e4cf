package cli

import (
	"log/slog"

	"github.com/whodid/whodid/internal/connections"
	"github.com/whodid/whodid/internal/door/forge"
	"github.com/whodid/whodid/internal/server"
)

// connections reads the file of webhooks and sinks; there is nothing in it if
// none is named.
func (p *Program) connections(path string) (*connections.File, error) {
	if path == "" {
		path = p.Env("WHODID_CONNECTIONS")
	}
	if path == "" {
		return &connections.File{}, nil
	}
	f, err := connections.Load(path, p.Env)
	if err != nil {
		return nil, &exitError{code: ExitUsage, err: err}
	}
	return f, nil
}

// webhooks are the doors of the forges.
func (p *Program) webhooks(file *connections.File, orgs server.Tenants, log *slog.Logger) ([]server.Route, error) {
	o := forge.Options{Tenants: orgs, Now: p.Now, Log: log}
	for i := range file.Webhooks {
		w := &file.Webhooks[i]
		o.Hooks = append(o.Hooks, forge.Hook{
			Name: w.Name, Forge: w.Forge, Org: w.Org, Secret: w.Secret.Value(), Repositories: w.Repositories, Agents: w.Agents,
		})
	}
	routes, err := forge.Routes(o)
	if err != nil {
		return nil, &exitError{code: ExitUsage, err: err}
	}
	return routes, nil
}
