package export

import (
	"bytes"
	"fmt"
	"strings"
)

// Framework is a set of duties that auditors ask about.
type Framework struct {
	Name   string
	Source string
	Duties []Duty
	// Outside are duties of the framework that no record here answers.
	Outside []string
}

// Duty is one of them, and which records answer it.
type Duty struct {
	ID   string
	Duty string
	// Records are tables, as "table", or columns of one, as "table.column".
	Records []string
	// Answer says how the records answer it, and what they leave open.
	Answer string
}

// Frameworks lists the duties and what answers them.
func Frameworks() []Framework {
	return []Framework{soc2(), nist(), iso42001(), aiAct()}
}

func soc2() Framework {
	return Framework{
		Name: "SOC 2", Source: "AICPA Trust Services Criteria 2017, points of focus revised 2022",
		Duties: []Duty{
			{
				"CC2.1", "The entity uses relevant, quality information.",
				[]string{"manifest.json", "proof/entries.jsonl"},
				"Populations are whole and their completeness can be checked without the operator; every row is tied to the signed log.",
			},
			{
				"CC4.1", "It evaluates whether controls are present and work.",
				[]string{"reviews", "policies", "policy_versions"},
				"Who reviewed what agents did and up to when; every judgement of a commit with the version of the policy. Whether a review was good the records do not tell.",
			},
			{
				"CC6.1, CC6.3", "Access is restricted, by role, and changed under control.",
				[]string{"access"},
				"Tokens made and revoked with role and squads, changes of settings, questions and exports. Access to systems other than the trail is not in it.",
			},
			{
				"CC7.2, CC7.3", "Anomalies are watched for and evaluated.",
				[]string{"executions.status", "actions.result", "events", "reviews"},
				"Failed, lost and blocked work, gaps in recording, and who looked at them.",
			},
			{
				"CC7.4", "Security incidents are responded to.",
				[]string{"incidents", "executions", "actions", "holds"},
				"What was opened, found, noted and closed, what an agent did, to what, and what was kept for the investigation. Response outside of the product is not in it.",
			},
			{
				"CC8.1", "Changes are authorised, tested, approved and documented.",
				[]string{"approvals", "actions.approval_id", "policies", "exceptions"},
				"Each request with the digest of its exact arguments, who decided, whether it was used; merges, deploys and releases with the approval that they named; exceptions with reason and end.",
			},
			{
				"C1.2, P4.3", "Confidential and personal information is disposed of.",
				[]string{"sweeps", "erasures", "policies"},
				"A certificate for each removal, with policy, count and root over what went; each erasure with its reason.",
			},
		},
		Outside: []string{
			"CC1, CC3, CC5 and CC9 (governance, risk assessment, vendors) are not about records of agents.",
			"CC2.2, CC2.3 and CC4.2 (communicating), CC6.2 and CC6.4 to CC6.8 (accounts of people, premises, disposal of assets, boundaries, transmission, malware), CC7.1 and CC7.5 (vulnerabilities, recovery).",
			"A1 (availability), PI1 (processing integrity), C1.1, and the criteria of P but P4.3: the trail says nothing of capacity, recovery, or what is done with the data of an organisation's customers.",
			"Effectiveness over a period is the auditor's judgement; the export gives the population to sample from.",
		},
	}
}

func nist() Framework {
	return Framework{
		Name: "NIST AU", Source: "NIST SP 800-53 Rev. 5, family AU",
		Duties: []Duty{
			{
				"AU-2, AU-12", "Events to be logged are defined, and logged.",
				[]string{"events.what", "actions.what"},
				"Verbs of a catalogue (docs/catalogue.md). What agents do outside of hooks, telemetry, git and forges is not seen; whodid reconcile compares with sources that agents do not control.",
			},
			{
				"AU-3", "Records say what, when, where, from what source, with what outcome, and who.",
				[]string{"actions.what", "actions.at", "actions.target", "actions.source", "actions.result", "actions.actor"},
				"One column for each. An outcome that is not proved is null or attempted, never success.",
			},
			{
				"AU-3(3)", "Personal data in records are limited.",
				[]string{"actions.on_behalf_of", "erasures"},
				"People are pseudonyms; contents of files, prompts and output have no place in the schema.",
			},
			{
				"AU-5", "Failures of logging are noticed.",
				[]string{"events"},
				"What is known to be missing is an event (record.gap). Alerting is for sinks and notifications to do.",
			},
			{"AU-6", "Records are reviewed.", []string{"reviews", "access"}, "Who reviewed, up to which moment; who asked and exported."},
			{
				"AU-7", "Records can be reduced and reported.",
				[]string{"manifest.json", "sample"},
				"Tables by population with their queries; a sample that an auditor can draw again.",
			},
			{
				"AU-8", "Time stamps.",
				[]string{"actions.at", "actions.recorded_at"},
				"Two clocks, in microseconds of UTC: the source's and the trail's. How far they can be trusted is the verdict on time; witnesses bound it.",
			},
			{
				"AU-9, AU-9(3)", "Records are protected, by cryptography.",
				[]string{"checkpoint", "proof/entries.jsonl"},
				"A Merkle tree (RFC 6962) under signed checkpoints. Protection of the signing key is the operator's.",
			},
			{
				"AU-10", "Non-repudiation.",
				[]string{"actions.actor", "actions.actor_auth", "approvals"},
				"How each actor was authenticated stands beside it. Only signed decisions on approvals bind a person beyond the word of the source.",
			},
			{"AU-11", "Records are kept as long as is due.", []string{"policies", "sweeps", "holds"}, "The policy in force, what it removed, what holds kept."},
		},
		Outside: []string{
			"AU-1 (policy and procedures) is a document of the organisation.",
			"AU-4 (storage capacity), AU-13 (monitoring for disclosure) and AU-16 (coordination across organisations).",
			"AU-14 (session audit): what was said in sessions is not recorded, on purpose.",
		},
	}
}

func iso42001() Framework {
	return Framework{
		Name: "ISO/IEC 42001", Source: "ISO/IEC 42001:2023, clauses and Annex A",
		Duties: []Duty{
			{"A.6.2.8", "Event logs of AI systems are recorded.", []string{"executions", "actions", "events"}, "Every run, what it did, with which model, under which reason."},
			{
				"A.6.2.6", "Operation of AI systems is monitored.",
				[]string{"executions.status", "executions.cost_micros", "reviews"},
				"Status, tokens and cost of each run, and what is unknown of them, as null.",
			},
			{
				"A.3.2, A.10.2", "Roles and responsibilities are allocated.",
				[]string{"actions.on_behalf_of", "approvals", "access"},
				"Who stood behind an agent, who decided, in which role somebody asked. The allocation itself is a document of the organisation.",
			},
			{
				"A.9.2, A.9.4", "AI systems are used responsibly and as intended.",
				[]string{"policies", "exceptions", "approvals"},
				"What the policy allowed, excused and refused. The intended use is defined elsewhere.",
			},
			{"A.8.4", "Incidents are communicated.", []string{"incidents", "holds", "decisions"}, "What was opened, kept and decided. Communication outside of the product is not in it."},
			{"9.1, 9.2", "Monitoring, measurement and internal audit.", []string{"manifest.json", "sample", "reviews"}, "Whole populations, samples, and reviews."},
			{"10.2", "Nonconformity and corrective action.", []string{"policies", "exceptions", "decisions"}, "Violations of the policy, exceptions from it, and decisions that followed."},
		},
		Outside: []string{
			"Clauses 4 to 8 and 9.3 (context, leadership, planning, support, operation, management review), A.2, A.4 and A.5 (AI policy, resources, impact assessment), A.3.3 (reporting concerns), A.9.3 (objectives of use) are documents and processes of the organisation.",
			"A.6.1, A.6.2.2 to A.6.2.5 and A.6.2.7 (development, verification, deployment and documentation of AI systems) and A.7 (data for them) concern who builds models.",
			"A.8.2, A.8.3 and A.8.5 (information for users, reports from outside and to interested parties), A.10.3 and A.10.4 (suppliers, customers).",
		},
	}
}

func aiAct() Framework {
	return Framework{
		Name: "EU AI Act", Source: "Regulation (EU) 2024/1689, articles 12, 19 and 26",
		Duties: []Duty{
			{
				"Art. 12(1)", "High-risk systems record events automatically over their lifetime.",
				[]string{"executions", "actions", "events"},
				"Recorded by hooks, telemetry and webhooks without anybody's doing. What could not be recorded is a gap, not silence.",
			},
			{
				"Art. 12(2)(a), (b)", "Events that help to find risks and substantial modifications, and post-market monitoring.",
				[]string{"actions.result", "events", "executions.model"},
				"Failures, blocked actions, changes of model and of permissions. What is a risk or a substantial modification is judged by people.",
			},
			{"Art. 12(2)(c), 26(5)", "Deployers monitor the operation.", []string{"reviews", "executions.status"}, "Reviews signed off by people, over the status of every run."},
			{
				"Art. 19(1)", "Providers keep the logs, for at least six months.",
				[]string{"policies", "sweeps", "policy_versions"},
				"The periods that were set (profile eu-ai-act: 183 days), and a certificate for each removal. Of a policy that was set before the period the row is in an earlier export; before any was set nothing is removed.",
			},
			{
				"Art. 26(2)", "Human oversight by competent people.",
				[]string{"approvals", "reviews"},
				"Who approved, with what reason, how authenticated. Competence, training and authority are not in the records.",
			},
			{"Art. 26(6)", "Deployers keep the logs, for at least six months.", []string{"policies", "sweeps", "holds"}, "As for article 19, with what holds kept longer."},
		},
		Outside: []string{
			"Whether a system is of high risk (article 6, Annex III) is for the organisation to determine; most coding agents are not.",
			"Art. 12(3): remote biometric identification. Art. 26(1), (4), (7), (9), (11): instructions for use, input data, informing workers and persons, impact assessments.",
			"Art. 19(2), 26(3), (8), (10), (12): financial institutions, other obligations, registration, biometric identification, cooperation. Art. 26(5) beyond monitoring: telling providers and authorities of risks and serious incidents; the table incidents says what was found out, not who was told.",
			"Articles 9 to 11 and 13 to 18, of providers, but for logs.",
		},
	}
}

// Controls is the control map as Markdown: the file of an export, and
// docs/controls.md.
func Controls() []byte {
	var b bytes.Buffer
	b.WriteString(`# Control map

Which record of an export answers which duty, and what is out of scope. A table such as ` + "`approvals`" + ` is the file of that name in every
format; ` + "`approvals.at`" + ` is a column of it. The map names records; it is no attestation, and whether a duty is met is for the auditor to judge.
`)
	for _, f := range Frameworks() {
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n| duty | what it asks | records | how they answer it, and what they leave open |\n|---|---|---|---|\n", f.Name, f.Source)
		for _, d := range f.Duties {
			records := make([]string, len(d.Records))
			for i, r := range d.Records {
				records[i] = "`" + r + "`"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", d.ID, d.Duty, strings.Join(records, ", "), d.Answer)
		}
		b.WriteString("\nOut of scope:\n\n")
		for _, o := range f.Outside {
			fmt.Fprintf(&b, "- %s\n", o)
		}
	}
	return b.Bytes()
}
