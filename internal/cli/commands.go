package cli

import "github.com/spf13/cobra"

// commands lists every command, one line each, in the order of the help.
func (p *Program) commands() []*cobra.Command {
	return []*cobra.Command{
		p.initCommand(),
		p.runCommand(),
		p.execCommand(),
		p.actionCommand(),
		p.modelCommand(),
		p.memoryCommand(),
		p.hookCommand(),
		p.syncCommand(),
		p.importCommand(),
		p.serveCommand(),
		p.gitCommand(),
		p.prCommand(),
		p.forgeCommand(),
		p.sinkCommand(),
		p.historyCommand(),
		p.sessionCommand(),
		p.whyCommand(),
		p.blameCommand(),
		p.tailCommand(),
		p.doctorCommand(),
		p.verifyCommand(),
		p.proveCommand(),
		p.logCommand(),
		p.approvalCommand(),
		p.policyCommand(),
		p.privacyCommand(),
		p.exceptionCommand(),
		p.incidentCommand(),
		p.reviewCommand(),
		p.budgetCommand(),
		p.redactCommand(),
		p.retentionCommand(),
		p.holdCommand(),
		p.witnessCommand(),
		p.tokenCommand(),
		p.migrateCommand(),
		p.priceCommand(),
		p.schemaCommand(),
		p.completionCommand(),
		p.manCommand(),
	}
}
