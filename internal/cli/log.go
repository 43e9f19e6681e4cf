package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/proof"
)

func (p *Program) logCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "log",
		GroupID: "prove",
		Short:   "Show the signed log, its public key, or export it for other verifiers",
		Args:    arguments(cobra.NoArgs),
		RunE:    p.group,
	}
	c.AddCommand(p.logHeadCommand(), p.logKeyCommand(), p.logExportCommand())
	return c
}

// logHead is the answer of "log head".
type logHead struct {
	Origin     string `json:"origin"`
	Size       uint64 `json:"size"`
	Root       string `json:"root"`
	PublicKey  string `json:"public_key"`
	Checkpoint string `json:"checkpoint"`
}

func (p *Program) logHeadCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "head",
		Short:   "Print the signed checkpoint (C2SP tlog-checkpoint)",
		Example: `  whodid log head`,
		Args:    arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := p.open(c.Context())
			if err != nil {
				return err
			}
			defer t.close()
			head, err := t.store.Head(c.Context(), p.org)
			if err != nil {
				return err
			}
			if !p.json {
				_, err = fmt.Fprint(p.Stdout, head.Checkpoint)
				return err
			}
			checkpoint, err := proof.PeekCheckpoint(head.Checkpoint)
			if err != nil {
				return err
			}
			return p.printJSON(logHead{
				Origin: checkpoint.Origin, Size: checkpoint.Size, Root: checkpoint.Root.String(),
				PublicKey: t.ring.Public, Checkpoint: head.Checkpoint,
			})
		},
	}
}

func (p *Program) logKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "key",
		Short: "Print the log's public key (C2SP signed-note), to be given to verifiers",
		Long: `Prints the public key that checks the log's checkpoints. Give it to those who
will verify the trail now, by a way that you do not control alone: a verifier
that gets the key together with the proof has only the operator's word.`,
		Example: `  whodid log key > whodid.pub`,
		Args:    arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := p.openStore(c.Context())
			if err != nil {
				return err
			}
			defer t.close()
			log, err := t.store.Log(c.Context(), p.org)
			if err != nil {
				return err
			}
			if p.json {
				return p.printJSON(map[string]string{"origin": log.Origin, "public_key": log.PublicKey})
			}
			_, err = fmt.Fprintln(p.Stdout, log.PublicKey)
			return err
		},
	}
}

func (p *Program) logExportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "export DIR",
		Short: "Write the log as static files (C2SP tlog-tiles) that other verifiers read",
		Long: `Writes the log into a folder as C2SP tlog-tiles has it: checkpoint, tile/ and
tile/entries/. Any verifier of that format accepts it; the entries reveal
nothing that the catalogue classes as personal. Run it again to bring the folder
up to date: complete tiles are not written twice.`,
		Example: `  whodid log export public/
  fsck --storage_url=file://$PWD/public --public_key=whodid.pub --ui=false -N 64`,
		Args: oneArgument("a folder"),
		RunE: func(c *cobra.Command, args []string) error {
			t, err := p.open(c.Context())
			if err != nil {
				return err
			}
			defer t.close()
			done, err := ledger.Export(c.Context(), t.store, p.org, args[0])
			if err != nil {
				return err
			}
			if p.json {
				return p.printJSON(done)
			}
			_, err = fmt.Fprintf(p.Stdout, "%d events exported to %s\n", done.Size, args[0])
			return err
		},
	}
}
