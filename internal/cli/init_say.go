package cli

import (
	"fmt"

	"github.com/whodid/whodid/internal/place"
)

func (p *Program) sayInstalled(a *initialized, o *initOptions, where place.Trail) error {
	if p.json {
		return p.printJSON(a)
	}
	for i := range a.Clients {
		p.sayHooked(&a.Clients[i], a.DryRun)
	}
	p.sayRegistered(a.MCP, a.DryRun)
	fmt.Fprintf(p.Stdout, "  command  %s\n  trail    %s\n", a.Command, a.Trail)
	if a.Server != "" {
		fmt.Fprintf(p.Stdout, "  server   %s (in %s)\n", a.Server, a.Config)
	}
	p.sayGit(a.Git)
	fmt.Fprint(p.Stdout, a.timerText)
	if o.required {
		fmt.Fprintln(p.Stdout, "  required: a tool is refused if its call can't be recorded")
	}
	for _, c := range a.Clients {
		if c.Note != "" {
			fmt.Fprintf(p.Stdout, "  %s: %s\n", c.title, c.Note)
		}
	}
	if where.Path == "" && withoutPassword(where) != where.URL {
		fmt.Fprintln(p.Stderr, "whodid: the password of the trail is not written into the settings; put it into ~/.pgpass, so that hooks can use it")
	}
	if a.DryRun {
		return nil
	}
	if o.project {
		fmt.Fprintln(p.Stdout, "\nThe command is this machine's: others who work on the project run \"whodid init --project\" too.")
	}
	_, err := fmt.Fprintln(p.Stdout, `
Next: start `+a.Clients[0].title+` and let it do something, then ask
  whodid history
  whodid doctor     # is everything recorded?`+map[bool]string{true: "\nAgents can ask the trail too: whodid init --mcp"}[len(a.MCP) == 0]+`
To undo this: whodid init --remove`+map[bool]string{true: " --project"}[o.project])
	return err
}

func (p *Program) sayHooked(c *hooked, dry bool) {
	switch {
	case c.Action == "unchanged":
		fmt.Fprintf(p.Stdout, "%s is recorded already: %s has the hooks.\n", c.title, c.Settings)
	case dry:
		fmt.Fprintf(p.Stdout, "Would put %d hooks into %s%s.\n", len(c.Events), c.Settings, createdNote(c.Created))
	case c.Action == "updated":
		fmt.Fprintf(p.Stdout, "Brought the %d hooks in %s up to date.\n", len(c.Events), c.Settings)
	default:
		fmt.Fprintf(p.Stdout, "Put %d hooks into %s%s.\n", len(c.Events), c.Settings, createdNote(c.Created))
	}
}

func createdNote(created bool) string {
	if created {
		return ", a new file"
	}
	return ""
}

func (p *Program) sayRemoved(a *initialized) error {
	if p.json {
		return p.printJSON(a)
	}
	p.sayGit(a.Git)
	p.sayRegistered(a.MCP, a.DryRun)
	would := ""
	if a.DryRun {
		would = "Would do this: "
	}
	for i := range a.Clients {
		c := &a.Clients[i]
		switch {
		case !c.out.Changed:
			fmt.Fprintf(p.Stdout, "There is no hook of whodid in %s.\n", c.Settings)
		case c.out.Deleted:
			fmt.Fprintf(p.Stdout, "%sRemoved %s, which held nothing but the hooks. The trail stays.\n", would, c.Settings)
		case c.out.Restored:
			fmt.Fprintf(p.Stdout, "%s%s is what it was before the hooks. The trail stays.\n", would, c.Settings)
		default:
			fmt.Fprintf(p.Stdout, "%sTook the hooks out of %s, which somebody else has edited meanwhile. The trail stays.\n", would, c.Settings)
		}
	}
	if a.Timer != "" {
		fmt.Fprintf(p.Stdout, "%sTook away the timer that imports sessions every day.\n", would)
	}
	return nil
}
