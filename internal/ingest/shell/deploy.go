package shell

import "strings"

// deployAct reads the deployers of applications. A deployment is
// "deploy.production" if it goes there; to any other place it is an
// "infra.change" with its environment, if that is told.
//
// vercel, netlify and serverless deploy a preview unless told otherwise. What
// fly and gcloud deploy is live at once, so for them it is production unless a
// name says otherwise.
func deployAct(c *call) *draft {
	switch c.program {
	case "vercel", "vc":
		o := parseOptions(c.args[1:], " -t --token --target -e --env -b --build-env -m --meta --cwd -A --local-config -S --scope --regions ")
		sub := o.operand(0)
		if sub == "promote" || sub == "rollback" {
			return deployDraft("", sub, "production", nil)
		}
		if sub != "" && sub != "deploy" && !strings.ContainsAny(sub, "./") {
			return nil
		}
		environment := "preview"
		if o.has("--prod", "--production") {
			environment = "production"
		} else if t := o.value("--target"); t != "" {
			environment = cleanEnvironment(t)
		}
		return deployDraft("", "deploy", environment, proveVercel)
	case "netlify":
		o := parseOptions(c.args[1:], " -d --dir -s --site -a --auth -m --message --alias --context -f --functions ")
		if o.operand(0) != "deploy" {
			return nil
		}
		environment := "preview"
		if o.has("--prod", "-p") {
			environment = "production"
		}
		return deployDraft("", "deploy", environment, nil)
	case "fly", "flyctl":
		o := parseOptions(c.args[1:], " -a --app -c --config -i --image -e --env -r --region --strategy --dockerfile --build-arg -t --access-token ")
		if o.operand(0) != "deploy" {
			return nil
		}
		app := o.value("-a", "--app")
		return deployDraft(cleanPackage(app), "deploy", liveUnless(app, o.value("-c", "--config"), c.dir), nil)
	case "gcloud":
		o := parseOptions(c.args[1:], " --region --image --project --source --platform --service-account --set-env-vars --update-env-vars --set-secrets --tag --memory --cpu --port --account --configuration ")
		words := o.operands
		if len(words) > 0 && oneOf(words[0], "beta", "alpha") {
			words = words[1:]
		}
		if len(words) < 2 || subcommand(words[:2]...) != "run deploy" && subcommand(words[:2]...) != "app deploy" {
			return nil
		}
		service := ""
		if len(words) > 2 {
			service = words[2]
		}
		return deployDraft(cleanPackage(service), subcommand(words[:2]...), liveUnless(service, o.value("--project"), o.value("--configuration")), proveCloudRun)
	case "serverless", "sls":
		o := parseOptions(c.args[1:], " -s --stage -r --region -c --config -f --function --param --aws-profile -p --package ")
		if o.operand(0) != "deploy" {
			return nil
		}
		environment := "development" // its default stage is "dev"
		if stage := o.value("-s", "--stage"); stage != "" {
			environment = cleanEnvironment(stage)
		}
		return deployDraft("", "deploy", environment, nil)
	}
	return nil
}

func liveUnless(names ...string) string {
	if e := environmentIn(names...); e != "" {
		return e
	}
	return "production"
}

// deployDraft starts a deployment. The tools end with a status that isn't zero
// if it failed, so zero is proof, too.
func deployDraft(target, sub, environment string, prove func(*draft, *output) verdict) *draft {
	what := "infra.change"
	if environment == "production" {
		what = "deploy.production"
	}
	d := newDraft(what, target, sub)
	d.prove = prove
	d.set("environment", environment)
	return d
}

// proveVercel looks for "✅  Production: https://shop.vercel.app [3s]", or
// "Preview:".
func proveVercel(d *draft, o *output) verdict {
	label := "Preview: "
	if d.act.What == "deploy.production" {
		label = "Production: "
	}
	i := o.find(func(l string) bool { return strings.Contains(l, label+"https://") })
	if i < 0 {
		return silent
	}
	_, u, _ := strings.Cut(o.lines[i], label)
	u, _, _ = strings.Cut(u, " ")
	if u = cleanURL(u); u != "" {
		d.act.Target = u
		d.set("url", u)
	}
	o.take(i)
	return done
}

// proveCloudRun looks for "Service [shop] revision [shop-00042-abc] has been
// deployed and is serving 100 percent of traffic.".
func proveCloudRun(d *draft, o *output) verdict {
	i := o.find(func(l string) bool {
		return strings.HasPrefix(l, "Service [") && strings.Contains(l, "] has been deployed")
	})
	if i < 0 {
		return silent
	}
	name, _, _ := strings.Cut(o.lines[i][len("Service ["):], "]")
	if name = cleanPackage(name); name != "" && d.act.Target == "" {
		d.act.Target = name
	}
	o.take(i)
	return done
}

// migrationAct reads the tools that change the schema of a database.
func migrationAct(c *call) *draft {
	o := parseOptions(c.args[1:], " -c --config -n --name -x -e --schema -dir -url -user -password -s --settings --database -path -database -source -env ")
	first, second := o.operand(0), o.operand(1)
	sub := ""
	switch c.program {
	case "alembic":
		sub = pick(first, "upgrade", "downgrade")
	case "prisma":
		if first == "migrate" {
			sub = pick(subcommand(first, second), "migrate deploy", "migrate dev", "migrate reset")
		} else {
			sub = pick(subcommand(first, second), "db push")
		}
	case "rails", "rake":
		sub = pick(first, "db:migrate", "db:rollback", "db:schema:load", "db:reset", "db:setup")
	case "goose":
		for _, a := range o.operands { // goose [driver dsn] up
			if sub = pick(a, "up", "up-by-one", "up-to", "down", "down-to", "reset", "redo"); sub != "" {
				break
			}
		}
	case "flyway":
		for _, a := range o.operands {
			if sub = pick(a, "migrate", "undo", "clean", "baseline"); sub != "" {
				break
			}
		}
	case "migrate":
		for _, a := range o.operands {
			if sub = pick(a, "up", "down", "goto", "drop", "force"); sub != "" {
				break
			}
		}
	case "dbmate":
		sub = pick(first, "up", "migrate", "rollback", "down")
	case "knex":
		sub = pick(first, "migrate:latest", "migrate:up", "migrate:down", "migrate:rollback")
	case "sequelize", "sequelize-cli":
		sub = pick(first, "db:migrate", "db:migrate:undo")
	case "drizzle-kit":
		sub = pick(first, "migrate", "push")
	case "atlas":
		sub = pick(subcommand(first, second), "migrate apply", "schema apply")
	case "diesel":
		sub = pick(subcommand(first, second), "migration run", "migration revert")
	case "sqlx":
		sub = pick(subcommand(first, second), "migrate run", "migrate revert")
	case "artisan", "php":
		for i, a := range o.operands[:min(2, len(o.operands))] {
			if i == 0 && !strings.HasSuffix(a, "artisan") && c.program == "php" {
				break
			}
			sub = pick(a, "migrate", "migrate:rollback", "migrate:fresh", "migrate:refresh")
		}
	case "manage.py":
		sub = pick(first, "migrate")
	case "python", "python3":
		switch {
		case strings.HasSuffix(first, "manage.py"):
			sub = pick(second, "migrate")
		case moduleOf(c.args) == "alembic":
			sub = wordAmong(c.args, "upgrade", "downgrade")
		}
	}
	if sub == "" {
		return nil
	}
	d := newDraft("schema.migrate", c.program, sub)
	if environment := c.environment(); environment != "" {
		d.set("environment", environment)
	} else {
		d.set("environment", cleanEnvironment(o.value("-e", "-env")))
	}
	if first != "manage.py" && c.program != "manage.py" {
		d.act.Target = subcommand(c.program, sub)
	} else {
		d.act.Target = "manage.py migrate"
	}
	return d
}

// pick returns s if it is in list.
func pick(s string, list ...string) string {
	if oneOf(s, list...) {
		return s
	}
	return ""
}

// wordAmong returns the first of args that is in list.
func wordAmong(args []string, list ...string) string {
	for _, a := range args {
		if oneOf(a, list...) {
			return a
		}
	}
	return ""
}
