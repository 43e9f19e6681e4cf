package shell

import "strings"

// infraAct reads the tools that change infrastructure.
func infraAct(c *call) *draft {
	switch c.program {
	case "kubectl", "oc":
		return kubectlAct(c)
	case "helm":
		return helmAct(c)
	case "terraform", "tofu", "terragrunt":
		o := parseOptions(c.args[1:], " -target -replace -var -var-file -state -lock-timeout -parallelism -backup -state-out ")
		sub := o.operand(0)
		if sub == "run-all" {
			sub = o.operand(1)
		}
		if !oneOf(sub, "apply", "destroy") {
			return nil
		}
		d := newProved("infra.change", "", sub, proveTerraform)
		d.set("environment", environmentIn(o.value("-var-file"), o.value("-chdir"), c.dir))
		return d
	case "pulumi":
		o := parseOptions(c.args[1:], " -s --stack -C --cwd -c --config -m --message -t --target ")
		sub := o.operand(0)
		if !oneOf(sub, "up", "update", "destroy") {
			return nil
		}
		stack := o.value("-s", "--stack")
		d := newProved("infra.change", cleanPackage(stack), sub, provePulumi)
		d.set("environment", environmentIn(stack))
		return d
	}
	return nil
}

func kubectlAct(c *call) *draft {
	const flags = " -n --namespace -f --filename -k --kustomize -l --selector --context --cluster --kubeconfig -o --output --replicas --timeout --grace-period --field-selector --to-revision --user -s --server --as --token --field-manager -c --containers "
	o := parseOptions(c.args[1:], flags)
	sub := o.operand(0)
	verbs := ""
	switch sub {
	case "apply":
		verbs = " configured created unchanged serverside-applied pruned "
	case "create", "replace", "patch", "set":
		verbs = " created replaced patched updated image "
	case "delete":
		verbs = " deleted "
	case "scale":
		verbs = " scaled "
	case "rollout":
		if !oneOf(o.operand(1), "restart", "undo", "pause", "resume") {
			return nil // status and history only look
		}
		sub += " " + o.operand(1)
		verbs = " restarted rolled paused resumed "
	default:
		return nil
	}
	d := newProved("infra.change", "", sub, func(d *draft, o *output) verdict { return proveKubectl(d, o, verbs) })
	d.set("environment", environmentIn(o.value("--context"), o.value("-n", "--namespace"), o.value("-k", "--kustomize")))
	d.flag("force", o.has("--force"))
	return d
}

// proveKubectl looks for "deployment.apps/shop configured" and, of delete,
// `pod "shop-1" deleted`. The target is the first resource that was changed.
func proveKubectl(d *draft, o *output, verbs string) verdict {
	count := 0
	for i, l := range o.all() {
		resource, verb, ok := strings.Cut(l, " ")
		if strings.HasPrefix(verb, `"`) { // pod "shop-1" force deleted from default namespace
			name, rest, found := strings.Cut(verb[1:], `"`)
			resource, verb, ok = resource+"/"+name, strings.TrimPrefix(strings.TrimSpace(rest), "force "), found
		}
		word, rest, _ := strings.Cut(verb, " ")
		if !ok || o.used[i] || word == "" || !strings.Contains(verbs, " "+word+" ") || strings.Contains(rest, "dry run") || strings.Count(resource, "/") != 1 {
			continue
		}
		if cleanPackage(resource) == "" {
			continue
		}
		if count == 0 {
			d.act.Target = resource
		}
		o.take(i)
		count++
	}
	if count > 0 {
		d.put("count", count)
		// One of several objects may have failed beside those that worked.
		if !d.call.status.zero() && o.has("Error from server", "error: ", "The request is invalid") {
			return refused
		}
		return done
	}
	if o.has("Error from server", "error: ", "The connection to the server") {
		return refused
	}
	return silent
}

func helmAct(c *call) *draft {
	const flags = " -n --namespace -f --values --set --set-string --set-file --version --kube-context --kubeconfig --timeout --repo --history-max "
	o := parseOptions(c.args[1:], flags)
	sub := o.operand(0)
	if sub == "delete" || sub == "del" {
		sub = "uninstall"
	}
	if !oneOf(sub, "install", "upgrade", "uninstall", "rollback") {
		return nil
	}
	release := cleanPackage(o.operand(1))
	d := newProved("infra.change", release, sub, func(_ *draft, o *output) verdict { return proveHelm(o, release) })
	d.set("environment", environmentIn(o.value("--kube-context"), o.value("-n", "--namespace"), o.value("-f", "--values"), release))
	d.set("version", cleanVersion(o.value("--version")))
	d.flag("force", o.has("--force"))
	return d
}

// proveHelm looks for `Release "shop" has been upgraded. Happy Helming!`, for
// the "NAME:" and "STATUS: deployed" of an install, and for `release "shop" uninstalled`.
func proveHelm(o *output, release string) verdict {
	quoted := `"` + release + `"`
	i := o.find(func(l string) bool {
		return release != "" && (l == "Release "+quoted+" has been upgraded. Happy Helming!" || l == "release "+quoted+" uninstalled" ||
			l == "NAME: "+release) || strings.HasPrefix(l, "Rollback was a success")
	})
	switch {
	case i >= 0 && strings.HasPrefix(o.lines[i], "NAME:") && !o.has("STATUS: deployed"):
		return silent
	case i >= 0:
		o.take(i)
		return done
	case o.has("Error: INSTALLATION FAILED", "Error: UPGRADE FAILED", "Error: uninstall", "Error: release"):
		return refused
	}
	return silent
}

// proveTerraform looks for "Apply complete! Resources: 1 added, 0 changed, 0 destroyed.".
func proveTerraform(d *draft, o *output) verdict {
	i := o.find(func(l string) bool {
		return strings.HasPrefix(l, "Apply complete! Resources:") || strings.HasPrefix(l, "Destroy complete! Resources:")
	})
	if i < 0 {
		if o.contains("Apply cancelled.", "Destroy cancelled.", "Error: ") && !o.contains("complete! Resources:") {
			return refused
		}
		return silent
	}
	count := 0
	for word := range strings.FieldsSeq(o.lines[i]) {
		if n, ok := smallNumber(word); ok {
			count += n
		}
	}
	d.put("count", count)
	o.take(i)
	return done
}

// provePulumi looks for the "Resources:" and "Duration:" that end a run.
func provePulumi(_ *draft, o *output) verdict {
	switch {
	case o.has("error: ") || o.contains(" errored"):
		return refused
	case o.has("Resources:") && o.has("Duration:"):
		return done
	}
	return silent
}

func smallNumber(s string) (n int, ok bool) {
	if s == "" || len(s) > 7 {
		return 0, false
	}
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

// vaultAct reads HashiCorp's vault. Neither path nor key of a secret is told.
func vaultAct(c *call) *draft {
	o := parseOptions(c.args[1:], " -mount -address -namespace -cas ")
	if o.operand(0) == "kv" && oneOf(o.operand(1), "put", "patch") {
		return newDraft("secret.rotate", "", "kv "+o.operand(1))
	}
	return nil
}
