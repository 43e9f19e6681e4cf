//go:build bench

package main

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/whodid/whodid"
)

// repositoriesOfCompany is how many repositories the agents of the made-up
// company work in; every run belongs to one and opens a pull request of it.
const repositoriesOfCompany = 50

func repositoryOf(n int) string { return fmt.Sprintf("acme/shop-%d", n%repositoriesOfCompany) }

// eventsOfCompany makes the events of the n-th run as they lie in the trail of a
// company: each run has files, an issue and a pull request of its own, six of
// ten are confirmed by the forge as merged and deployed, one of ten was decided
// on by a person, and one of ten leaves a decision in the memory.
func eventsOfCompany(n int, began time.Time) []whodid.Event {
	repository := repositoryOf(n)
	own := strings.NewReplacer(
		"internal/shop", fmt.Sprintf("internal/part%d", n%1009), "acme/shop#44", fmt.Sprintf("%s#%d", repository, n), "acme/shop#43", fmt.Sprintf("%s#%d", repository, 2_000_000+n/3),
		"acme/shop", repository,
	)
	events := eventsOfRun(n, began)
	for i := range events {
		events[i].Target = own.Replace(events[i].Target)
		if events[i].What == "commit.push" {
			events[i].Target += fmt.Sprintf("@fix-%d", n)
		}
		if events[i].What == "execution.start" {
			events[i].Data["repository"] = repository
			events[i].Why = fmt.Sprintf("rotate the token of service %d in part %d", n%4099, n%1009)
		}
	}
	request := events[0]
	add := func(what, key, target string, after time.Duration, change func(*whodid.Event)) {
		e := whodid.Event{
			Key: key, What: what, Actor: whodid.HumanActor(fmt.Sprintf("p%015d", n%60)), ActorAuth: "forge", Source: "webhook:github",
			Target: target, At: began.Add(after), Result: whodid.ResultSuccess,
		}
		change(&e)
		events = append(events, e)
	}
	pull := fmt.Sprintf("%s#%d", repository, n)
	sha := fmt.Sprintf("%040x", n)
	if n%10 < 6 {
		add("forge.pr.merge", fmt.Sprintf("github/%d/pull/%d/merged", n%repositoriesOfCompany, n), pull, 20*time.Minute, func(e *whodid.Event) {
			e.Data = whodid.Data{"repository": repository, "number": int64(n), "sha": sha, "branch": "main", "executions": []string{request.Execution}, "agents": []string{strings.TrimPrefix(request.Actor, "agent:")}}
		})
		add("forge.deploy", fmt.Sprintf("github/%d/deployment/%d", n%repositoriesOfCompany, n), repository, 30*time.Minute, func(e *whodid.Event) {
			e.Data = whodid.Data{"repository": repository, "sha": sha, "environment": "production", "forge_id": int64(n)}
		})
	}
	if n%10 == 7 {
		approval := whodid.DeriveID(whodid.PrefixApproval, "bench", fmt.Sprint(n))
		arguments := whodid.Data{"digest": strings.Repeat("ab", 32)}
		add("approval.request", whodid.ApprovalKey(approval, "request"), pull, 9*time.Minute, func(e *whodid.Event) {
			e.Actor, e.ActorAuth, e.Execution, e.Source, e.Approval = request.Actor, "hook", request.Execution, "cli", approval
			e.Data = whodid.Data{"type": "pr.merge", "for_agent": strings.TrimPrefix(request.Actor, "agent:"), "summary": "merge what rotates the token", "level": "approve", "digest": arguments["digest"]}
		})
		add("approval.grant", whodid.ApprovalKey(approval, "decision"), pull, 15*time.Minute, func(e *whodid.Event) {
			e.ActorAuth, e.Source, e.Approval, e.Why, e.Data = "os-user", "cli", approval, "looked at it", arguments
		})
	}
	if n%10 == 8 {
		add("decision.record", fmt.Sprintf("bench/decision/%d", n), fmt.Sprintf("token rotation of service %d", n%4099), 8*time.Minute, func(e *whodid.Event) {
			e.Actor, e.ActorAuth, e.Execution, e.Source = request.Actor, "hook", request.Execution, "cli"
			e.Why = fmt.Sprintf("service %d is asked by the callers of part %d every few minutes", n%4099, n%1009)
			e.Data = whodid.Data{"decided": fmt.Sprintf("rotate the token of service %d every %d days", n%4099, n%31), "alternatives": []string{"leave it", "do it by hand"}, "repository": repository}
		})
	}
	return events
}

// longActions is how many actions the longest run has.
const longActions = 10_000

// longRun is a run with that many actions. It is recorded when it is asked for first.
func (t *trail) longRun(ctx context.Context) (id string, err error) {
	const n = 1 << 30 // no other run has it
	id = runID(n)
	if t.long {
		return id, nil
	}
	began := time.Now().Add(-2 * time.Hour)
	run := eventsOfRun(n, began)
	events := append(make([]whodid.Event, 0, longActions+2), run[0])
	for i := range longActions {
		e := run[1+i%actionsPerRun]
		e.Key = fmt.Sprintf("%s/%d", e.Key, i)
		e.At = began.Add(time.Duration(i) * 300 * time.Millisecond)
		e.Data = maps.Clone(e.Data)
		e.Data["call"] = fmt.Sprintf("%v/%d", e.Data["call"], i)
		events = append(events, e)
	}
	end := run[len(run)-1]
	end.At = began.Add(time.Hour)
	t.long = true
	return id, t.record(ctx, append(events, end))
}
