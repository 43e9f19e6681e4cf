package trailer_test

import (
	"fmt"

	"github.com/whodid/whodid/trailer"
)

func ExampleAdd() {
	msg := "fix: keep the session\n\nSigned-off-by: Ada Byron <ada@example.com>\n"
	msg, err := trailer.Add(msg, trailer.Origin{
		Agent: "engineering/issue-solver", Squad: "engineering", Trigger: "event (issue.labeled)",
		Execution: "exec-abc123", Model: "opus",
	})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Print(msg)
	// Output:
	// fix: keep the session
	//
	// Signed-off-by: Ada Byron <ada@example.com>
	// Agent: engineering/issue-solver
	// Squad: engineering
	// Trigger: event (issue.labeled)
	// Execution: exec-abc123
	// Model: opus
}

func ExampleBlocks() {
	body := `Closes #4

- **Agent:** engineering/issue-solver
- **Execution:** [exec-abc123](https://example.com/exec-abc123)
`
	for _, b := range trailer.Blocks(body) {
		fmt.Printf("line %d, %s: %s by %s\n", b.Line, b.Form, b.Execution, b.Agent)
	}
	// Output: line 3, list+bold: exec-abc123 by engineering/issue-solver
}

func ExampleFix() {
	msg := `fix: keep the session

---
Agent: engineering/issue-solver
Trigger: manual
Execution: exec-abc123
Model: opus
`
	for _, p := range trailer.Check(msg) {
		fmt.Printf("line %d: %s: %s\n", p.Line, p.Code, p.Text)
	}
	fixed, _ := trailer.Fix(msg)
	fmt.Print(fixed)
	// Output:
	// line 3: after-divider: Below the line "---", git interpret-trailers or git am see no trailers.
	// line 4: wrong-paragraph: Other text in the same paragraph keeps git from reading the block.
	// line 4: incomplete: The block lacks Squad.
	// fix: keep the session
	//
	// Agent: engineering/issue-solver
	// Squad: engineering
	// Trigger: manual
	// Execution: exec-abc123
	// Model: opus
}
