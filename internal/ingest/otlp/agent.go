package otlp

import (
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
)

// clientOf tells which agent's client a record is from.
func clientOf(resource *Attributes, scope, event string) string {
	service := resource.text(fieldService)
	switch {
	case strings.HasPrefix(scope, "com.anthropic.claude_code"), service == "claude-code":
		return agent.ClaudeCode
	case strings.HasPrefix(event, "codex."), strings.HasPrefix(service, "codex"):
		return agent.Codex
	case strings.HasPrefix(event, "gemini_cli."), service == "gemini-cli":
		return agent.Gemini
	case service == "github-copilot", strings.HasPrefix(service, "copilot-"):
		return agent.Copilot
	}
	// SDKs write "unknown_service:program" where nobody named it.
	name := agent.Identifier(strings.ReplaceAll(strings.TrimPrefix(service, "unknown_service:"), " ", "-"))
	if name == "" || service == "unknown_service" {
		return "unknown"
	}
	return name
}

// actor is who acted. A sender that may only be one agent is that one, whatever
// it says of itself. Others are who they say they are, which proves nothing,
// so that no ActorAuth is told.
func (r *reader) actor(a *about) (actor, auth string) {
	if r.s.Agent != "" {
		return whodid.AgentActor(r.s.Agent), r.s.AgentAuth
	}
	if full := a.text(fieldAgent); full != "" {
		if _, _, err := whodid.ParseAgent(full); err == nil {
			return whodid.AgentActor(full), ""
		}
	}
	squad := agentName(a.text(fieldSquad))
	if squad == "" {
		squad = agentName(a.resource.text(fieldNamespace))
	}
	if squad == "" {
		squad = "local"
	}
	name := agentName(a.text(fieldAgentName))
	if a.client == agent.Copilot {
		name = "" // only some of its spans bear one
	}
	if name == "" {
		name = agentName(a.resource.text(fieldAgentLabel))
	}
	if name == "" {
		name = agentName(a.client)
	}
	return whodid.AgentActor(squad + "/" + name), ""
}

// agentName makes of a name what may be a part of an agent's: letters, digits,
// dots, hyphens and underscores, at most 64 of them. What has the marks of an
// address, a path, a command or a setting is no name: as a part of one, a secret
// in it would not be known as such any more.
func agentName(s string) string {
	if strings.Contains(s, " -") || strings.ContainsAny(s, "/\\:=@?&#%+'\"`$<>{}[]|;*\n") {
		return ""
	}
	var b strings.Builder
	for _, c := range s {
		switch {
		case b.Len() == 64:
			return strings.TrimRight(b.String(), "-")
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', b.Len() > 0 && (c == '.' || c == '_' || c == '-'):
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.TrimRight(b.String(), "-")
}

// person is the person on whose behalf a run goes, under the pseudonym of the
// trail. That the client says so proves it no more than the client itself.
func (r *reader) person(a *about) string {
	if r.s.Pseudonym == nil {
		return ""
	}
	var identity string
	switch mail := strings.ToLower(strings.TrimSpace(a.text(fieldEmail))); {
	case strings.Contains(mail, "@"):
		identity = "email:" + mail
	case a.text(fieldAccount) != "":
		identity = "account:" + a.client + ":" + a.text(fieldAccount)
	default:
		return ""
	}
	name := r.s.Pseudonym(identity)
	if name == "" {
		return ""
	}
	return whodid.HumanActor(name)
}
