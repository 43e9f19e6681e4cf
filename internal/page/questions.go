package page

import (
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/server"
)

// questions are the pages, and what their scripts ask for.
func (p *Pages) questions() []question {
	return []question{
		{path: "/executions", needs: auth.Read, template: "executions", nav: "executions", beginning: true, ask: (*request).executions},
		{path: "/executions/{id}", needs: auth.Read, template: "execution", nav: "executions", ask: (*request).execution},
		{path: "/views", needs: auth.Read, template: "views", nav: "executions", beginning: true, ask: (*request).savedViews},
		{path: "/agents", needs: auth.Read, template: "agents", nav: "agents", ask: (*request).agents},
		{path: "/agents/{squad}/{name}", needs: auth.Read, template: "agent", nav: "agents", ask: (*request).agent},
		{path: "/cost", needs: auth.Read, template: "cost", nav: "cost", ask: (*request).cost},
		{path: "/search", needs: auth.Read, template: "search", nav: "search", ask: (*request).search},
		{path: "/why", needs: auth.Read, template: "why", nav: "why", beginning: true, ask: (*request).why},
		{path: "/files", needs: auth.Read, template: "files", nav: "files", ask: (*request).files},
		{path: "/memory", needs: auth.Read, template: "memory", nav: "memory", whole: true, ask: (*request).memory},
		{path: "/memory/{id}", needs: auth.Read, template: "decision", nav: "memory", whole: true, ask: (*request).decision},
		{path: "/approvals", needs: auth.Read, template: "approvals", nav: "approvals", ask: (*request).approvals},
		{path: "/approvals/{id}", needs: auth.Read, template: "approval", nav: "approvals", ask: (*request).approval},
		{path: "/passkeys", needs: auth.Approve, template: "passkeys", nav: "approvals", beginning: true, ask: (*request).passkeys},
		{path: "/incidents", needs: auth.Read, template: "incidents", nav: "incidents", ask: (*request).incidents},
		{path: "/incidents/{id}", needs: auth.Read, template: "incident", nav: "incidents", ask: (*request).incident},
		{path: "/reports", needs: auth.Read, template: "reports", nav: "reports", ask: (*request).reports},
		{path: "/integrity", needs: auth.Audit, template: "integrity", nav: "integrity", whole: true, ask: (*request).integrity},
		{path: "/retention", needs: auth.Read, template: "retention", nav: "retention", whole: true, ask: (*request).retention},
		{path: "/access", needs: auth.Audit, template: "access", nav: "access", whole: true, ask: (*request).access},
		{path: "/settings", needs: auth.Read, template: "settings", nav: "settings", whole: true, beginning: true, ask: (*request).settings},
		{path: "/executions/{id}/proof", needs: auth.Audit, data: true, ask: (*request).proveExecution},
		{path: "/events/{id}/proof", needs: auth.Audit, data: true, ask: (*request).proveEvent},
		{path: "/integrity/head", needs: auth.Audit, data: true, ask: (*request).head},
	}
}

// deeds are what pages change: decisions of people, and the keys that they sign
// them with.
func (p *Pages) deeds() []server.Route {
	const form = 16 << 10
	return []server.Route{
		{Pattern: "POST /approvals/{id}/approve", Needs: auth.Approve, MaxBody: form, Handle: p.deed(byPerson((*request).approve))},
		{Pattern: "POST /approvals/{id}/reject", Needs: auth.Approve, MaxBody: form, Handle: p.deed(byPerson((*request).reject))},
		{Pattern: "POST /approvals/{id}/statement", Needs: auth.Approve, MaxBody: form, Handle: p.told((*request).statement)},
		{Pattern: "POST /passkeys/challenge", Needs: auth.Approve, MaxBody: form, Handle: p.told((*request).newPasskey)},
		{Pattern: "POST /passkeys/vouch", Needs: auth.Approve, MaxBody: form, Handle: p.told((*request).vouching)},
		{Pattern: "POST /passkeys", Needs: auth.Approve, MaxBody: form, Handle: p.deed(byPerson((*request).register))},
		{Pattern: "POST /passkeys/revoke", Needs: auth.Approve, MaxBody: form, Handle: p.deed(byPerson((*request).revoke))},
	}
}
