package gitcheck

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/whodid/whodid/internal/policy"
)

// The parts of SARIF 2.1.0 that a report needs. Source of the format:
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool      `json:"tool"`
		Results     []sarifResult  `json:"results"`
		ColumnKind  string         `json:"columnKind"`
		Invocations []sarifCall    `json:"invocations"`
		Properties  map[string]any `json:"properties"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID            string       `json:"id"`
		Short         sarifText    `json:"shortDescription"`
		Configuration sarifDefault `json:"defaultConfiguration"`
	}
	sarifDefault struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifCall struct {
		Successful    bool          `json:"executionSuccessful"`
		Notifications []sarifNotice `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotice struct {
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
		Suppressions []sarifExcuse     `json:"suppressions,omitempty"`
		Properties   map[string]any    `json:"properties"`
	}
	sarifLocation struct {
		Physical *sarifPhysical `json:"physicalLocation,omitempty"`
		Logical  []sarifLogical `json:"logicalLocations"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
		Kind string `json:"kind"`
	}
	sarifExcuse struct {
		Kind          string `json:"kind"`
		Status        string `json:"status"`
		Justification string `json:"justification"`
	}
)

// SARIF writes a report in the Static Analysis Results Interchange Format
// 2.1.0. A commit has no place in a file: it is a logical location, beside the
// first file that it changed, without which viewers show nothing.
func SARIF(w io.Writer, r *Report, p *policy.Policy, version string) error {
	run := sarifRun{
		Tool: sarifTool{sarifDriver{
			Name: "whodid", Version: version, InformationURI: "https://github.com/whodid/whodid", Rules: []sarifRule{},
		}},
		Results: []sarifResult{}, ColumnKind: "utf16CodeUnits",
		Invocations: []sarifCall{{Successful: true}},
		Properties: map[string]any{
			"policy": r.Policy.Version, "policyDigest": r.Policy.Digest, "trail": r.Trail.AtHand, "checked": r.Checked,
		},
	}
	index := map[string]int{}
	for i := range p.Rules {
		rule := &p.Rules[i]
		index[rule.ID] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{rule.ID, sarifText{rule.Title}, sarifDefault{level(rule.Severity)}})
	}
	for _, open := range r.NotEstablished {
		run.Invocations[0].Notifications = append(run.Invocations[0].Notifications, sarifNotice{"note", sarifText{"Not established: " + open}})
	}
	for i := range r.Commits {
		c := &r.Commits[i]
		for k := range c.Rules {
			rule := &c.Rules[k]
			for n := range rule.Findings {
				run.Results = append(run.Results, sarifOf(c, rule, &rule.Findings[n], index[rule.ID]))
			}
		}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	log := sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}}
	if err := enc.Encode(log); err != nil {
		return fmt.Errorf("couldn't print the answer: %w", err)
	}
	return nil
}

func level(s policy.Severity) string {
	if s == policy.Blocker {
		return "error"
	}
	return "warning"
}

func sarifOf(c *Commit, rule *Rule, f *Finding, index int) sarifResult {
	text := fmt.Sprintf("%s %s: %s", short(c.ID), c.Subject, f.Text)
	if len(f.Mend) > 0 {
		text += " Mend it with: " + strings.Join(f.Mend, "; ")
	}
	location := sarifLocation{Logical: []sarifLogical{{"commit " + c.ID, "member"}}}
	if len(c.paths) > 0 {
		location.Physical = &sarifPhysical{sarifArtifact{(&url.URL{Path: c.paths[0]}).EscapedPath()}, sarifRegion{1}}
	}
	result := sarifResult{
		RuleID: rule.ID, RuleIndex: index, Level: level(f.Severity), Message: sarifText{text},
		Locations:    []sarifLocation{location},
		Fingerprints: map[string]string{"whodid/v1": c.ID + "/" + rule.ID + "/" + string(f.Code)},
		Properties:   map[string]any{"commit": c.ID, "code": string(f.Code)},
	}
	if x := rule.Exception; x != nil {
		result.Suppressions = []sarifExcuse{{"external", "accepted", fmt.Sprintf("%s: %s (until %s, by %s)", x.ID, x.Reason, whenOf(x), x.Who)}}
	}
	return result
}
