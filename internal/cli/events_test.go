package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/whodid/whodid/internal/store"
)

// events is a program of scripts: it prints every event of the trail, a line
// for each, as an outsider would read them from the store.
func events() int {
	p := scriptProgram()
	p.org = store.DefaultOrg
	ctx := context.Background()
	t, err := p.openOnly(ctx)
	if err != nil {
		p.complain(err)
		return ExitError
	}
	defer t.close()
	rows, err := t.store.Events(ctx, p.org, store.EventFilter{})
	if err != nil {
		p.complain(err)
		return ExitError
	}
	for i := range rows {
		e := &rows[i].Event
		fmt.Fprintf(p.Stdout, "%s %s %s %s %s", e.What, e.Actor, cmp.Or(e.ActorAuth, "-"), cmp.Or(string(e.Result), "-"), e.Data.Canonical())
		for _, more := range []string{e.Target, prefixed("behalf=", e.OnBehalfOf), prefixed("why=", e.Why)} {
			if more != "" {
				fmt.Fprintf(p.Stdout, " %s", more)
			}
		}
		fmt.Fprintln(p.Stdout)
	}
	return ExitOK
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}
