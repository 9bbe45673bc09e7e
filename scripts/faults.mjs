// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are lines of source
/**
 * The faults that `npm run test:faults` plants, one at a time: a line of src/ as it is, the line as it must never be,
 * and the test files that have to notice. Each fault compiles, and takes away one promise of ARCHITECTURE.md.
 */

const transitions = {
  file: "src/ledgers/journal/transitions.ts",
  tests: ["test/unit/journal-transitions.test.ts", "test/conformance/journal-ledger.test.ts"],
};
const journalPowerCut = ["test/adapters/journal-power-cut.test.ts"];
const sinkPowerCut = ["test/adapters/file-sink-power-cut.test.ts"];
const localFileSystem = {
  file: "src/stores/local-file-system.ts",
  tests: ["test/adapters/local-file-system.test.ts"],
};
const partition = ["test/flow/run-partition.test.ts"];
const databaseModes = ["test/adapters/postgres-sink-modes.test.ts"];
const databaseCrashes = ["test/adapters/postgres-sink-crash.test.ts"];

const postgresLedger = ["test/conformance/postgres-ledger.test.ts"];
const lostAnswers = ["test/adapters/postgres-ledger-lost-answers.test.ts"];
const ledgerServer = ["test/adapters/postgres-ledger-server.test.ts"];

export const groups = {
  "who may say what": [
    {
      name: "a receipt is accepted without the epoch check",
      ...transitions,
      from: 'if (current(fold, ref) && progress.status === "running" && progress.attemptId === attemptId)',
      to: 'if (fold.status === "running" && progress.status === "running" && progress.attemptId === attemptId)',
    },
    {
      name: "a receipt is accepted from any attempt",
      ...transitions,
      from: 'if (current(fold, ref) && progress.status === "running" && progress.attemptId === attemptId)',
      to: 'if (current(fold, ref) && progress.status === "running")',
    },
    {
      name: "a start is accepted twice in one epoch",
      ...transitions,
      from: 'if (!current(fold, ref) || at(fold, ref.partition).status !== "leased") return "fenced";',
      to: 'if (!current(fold, ref)) return "fenced";',
    },
    {
      name: "an epoch is handed out twice",
      ...transitions,
      from: "partition, epoch: progress.epoch + 1 };",
      to: "partition, epoch: Math.max(1, progress.epoch) };",
    },
    {
      name: "an owner is not stopped by its successor",
      file: "src/ledgers/journal/journal-writer.ts",
      from: "      await file.sync();\n    }\n    await checkClaim();",
      to: "      await file.sync();\n    }",
      tests: ["test/adapters/journal-two-owners.test.ts"],
    },
    {
      name: "a run is taken from an owner that is alive",
      file: "src/ledgers/journal/claim.ts",
      from: '  if (life === "alive") throw ownerAlive',
      to: '  if (life === "alive" && !takeOver) throw ownerAlive',
      tests: ["test/conformance/journal-ledger.test.ts"],
    },
    {
      name: "attempts stage under one fixed name",
      file: "src/sinks/files/staging-file-sink.ts",
      from: "const attempt = join(task.run.id, attemptId);",
      to: 'const attempt = join(task.run.id, attemptId.replace(/.+/, "attempt"));',
      tests: ["test/adapters/file-sink-staging.test.ts", "test/conformance/file-sink.test.ts"],
    },
  ],
  "who may say what, in a database": [
    {
      name: "in Postgres, a receipt is accepted without the epoch check",
      file: "src/ledgers/postgres/attempts.ts",
      from: "p.index = $2 and p.epoch = $3\n      and p.status = 'running' and p.attempt_id = $4\n",
      to: "p.index = $2 and $3::bigint is not null\n      and p.status = 'running' and p.attempt_id = $4\n",
      tests: postgresLedger,
    },
    {
      name: "in Postgres, a coordinator's claim is not checked",
      file: "src/ledgers/postgres/claims.ts",
      from: '"run_id = $1 and coordinator_epoch = $2 and owner is not null"',
      to: '"run_id = $1 and $2::bigint is not null and owner is not null"',
      tests: postgresLedger,
    },
    {
      name: "in Postgres, a run is taken from an owner whose lease holds",
      file: "src/ledgers/postgres/claims.ts",
      from: "    refuseWhileOwned(runId, before, takeOver);\n",
      to: "    if (takeOver === null) refuseWhileOwned(runId, before, takeOver);\n",
      tests: postgresLedger,
    },
    {
      name: "in Postgres, a claim leaves its predecessor's partitions as they are",
      file: "src/ledgers/postgres/claims.ts",
      from: "    await query(putBackSql, [runId]);\n",
      to: "    if (putBackSql === runId) await query(putBackSql, [runId]);\n",
      tests: postgresLedger,
    },
    {
      name: "in Postgres, a lost answer is not read back",
      file: "src/ledgers/postgres/ledger-database.ts",
      from: "if (found !== null) return found;",
      to: "if (found !== null && attempt > tries) return found;",
      tests: lostAnswers,
    },
    {
      name: "in Postgres, attempts do not lock their run",
      file: "src/ledgers/postgres/attempts.ts",
      from: "where run_id = $1 and status = 'running' for update",
      to: "where run_id = $1 and status = 'running'",
      tests: postgresLedger,
    },
    {
      name: "in Postgres, an answer is given before it is durable",
      file: "src/ledgers/postgres/ledger-database.ts",
      from: "case current_setting('synchronous_commit') when 'off' then 'on'",
      to: "case current_setting('synchronous_commit') when 'off' then 'off'",
      tests: ledgerServer,
    },
  ],
  "what is published": [
    {
      name: "publishing begins before all partitions are accepted",
      ...transitions,
      from: "if (missing > 0)",
      to: "if (missing > fold.partitions.length)",
    },
    {
      name: "a put that decides once overwrites",
      file: "src/sinks/files/publication-record.ts",
      from: "      return await fileSystem.link(from, to);",
      to: '      await fileSystem.rename(from, to);\n      return "linked";',
      tests: ["test/adapters/file-sink-concurrency.test.ts"],
    },
    {
      name: "the disk's own put-if-absent overwrites",
      ...localFileSystem,
      from: "    await fs.link(from, to);",
      to: "    await fs.copyFile(from, to);",
    },
    {
      name: "a decided run is decided again",
      file: "src/publication-log.ts",
      from: "decided: { ...head?.decided, [intent.run.id]",
      to: "decided: { [intent.run.id]",
      tests: ["test/unit/publication-log.test.ts", "test/unit/publication-log-interleavings.test.ts"],
    },
    {
      name: "an older generation takes the place of a newer one",
      file: "src/publication-log.ts",
      from: "if (newer !== null && newer.generation > run.generation)",
      to: "if (newer !== null && newer.generation < 0)",
      tests: ["test/unit/publication-log.test.ts"],
    },
    {
      name: "the symlink is switched before the version is there",
      file: "src/sinks/files/visible-output.ts",
      from: [
        "    await trees.ensure(commit);\n    const link = join(layout.scratch",
        "    } while (!(await trees.renamed(link, layout.to)));",
      ],
      to: [
        "    const link = join(layout.scratch",
        "    } while (!(await trees.renamed(link, layout.to)));\n    await trees.ensure(commit);",
      ],
      tests: ["test/adapters/file-sink-readers.test.ts", ...sinkPowerCut],
    },
    {
      name: "the head is shown and not looked at again",
      file: "src/sinks/files/visible-output.ts",
      from: "      if (!(await hasMovedOn(head))) {\n        await markShown(head);\n        return;\n      }",
      to: "      await markShown(head);\n      return;",
      tests: ["test/adapters/file-sink-concurrency.test.ts"],
    },
    {
      name: "staged files are not looked at before they are published",
      file: "src/sinks/files/gather-files.ts",
      from: 'if (stat?.kind === "file" && stat.size === file.bytes) continue;',
      to: 'if (stat === null || stat.kind === "file") continue;',
      tests: ["test/adapters/file-sink-publish.test.ts"],
    },
  ],
  "what survives a power cut": [
    {
      name: "the journal answers before its line is on the disk",
      file: "src/ledgers/journal/journal-writer.ts",
      from: "      await file.sync();\n",
      to: "",
      tests: journalPowerCut,
    },
    {
      name: "no directory fsync: a claimed journal",
      file: "src/ledgers/journal/claim.ts",
      from: "    await fileSystem.syncDirectory(directory);\n",
      to: "",
      tests: journalPowerCut,
    },
    {
      name: "no directory fsync: a created run",
      file: "src/ledgers/journal/run-registry.ts",
      from: "await syncDirectories([runDirectory, dirname(runDirectory), orderDirectory, dirname(scope), stateDir]);",
      to: "await syncDirectories([]);",
      tests: journalPowerCut,
    },
    {
      name: "no directory fsync: a saved plan",
      file: "src/ledgers/journal/plan-file.ts",
      from: "    await fileSystem.syncDirectory(directory);\n",
      to: "",
      tests: journalPowerCut,
    },
    {
      name: "no directory fsync: staged parts",
      file: "src/sinks/files/staging-file-sink.ts",
      from: "            await fileSystem.syncDirectory(path);",
      to: "            await fileSystem.stat(path);",
      tests: sinkPowerCut,
    },
    {
      name: "no directory fsync: the log entry that commits",
      file: "src/sinks/files/publication-record.ts",
      from: '    await fileSystem.syncDirectory(layout.log);\n    return "put";',
      to: '    return "put";',
      tests: sinkPowerCut,
    },
    {
      name: "no directory fsync: a version's tree",
      file: "src/sinks/files/version-trees.ts",
      from: "    for (const directory of [...inner, root]) await fileSystem.syncDirectory(directory);\n",
      to: "",
      tests: sinkPowerCut,
    },
    {
      name: "no directory fsync: the name that readers use",
      file: "src/sinks/files/visible-output.ts",
      from: "    await fileSystem.syncDirectory(layout.parent);\n",
      to: "",
      tests: sinkPowerCut,
    },
    {
      name: "no fsync at all: directories on a local disk",
      ...localFileSystem,
      from: "    await handle.sync();\n  } catch (error) {\n    // Some file systems",
      to: "  } catch (error) {\n    // Some file systems",
    },
    {
      name: "no fsync at all: contents on a local disk",
      ...localFileSystem,
      from: "    await handle.writeFile(body);\n    await handle.sync();",
      to: "    await handle.writeFile(body);",
    },
  ],
  "that rows add up": [
    {
      name: "a run is published without its rows being counted up",
      file: "src/execute-run.ts",
      from: "if (told === rows.predicted + rows.quarantined + rows.filtered && told === rows.read) return rows;",
      to: "if (rows.read >= 0) return rows;",
      tests: ["test/flow/execute-run.test.ts"],
    },
    {
      name: "a partition is staged without its rows being counted up",
      file: "src/pipeline/run-partition.ts",
      from: "if (rows.read !== rows.predicted + rows.quarantined + rows.filtered)",
      to: "if (rows.read < 0)",
      tests: partition,
    },
    {
      name: "fewer rows are read than the footers promise",
      file: "src/pipeline/run-partition.ts",
      from: "if (hasExactRows(partition) && rows.read !== partition.rows)",
      to: "if (hasExactRows(partition) && rows.read > partition.rows)",
      tests: partition,
    },
    {
      name: "quarantined rows are not counted",
      file: "src/sinks/files/staging-file-sink.ts",
      from: "quarantined: sum(quarantined, (file) => file.rows),",
      to: "quarantined: sum([], (file) => file.rows),",
      tests: ["test/adapters/file-sink-staging.test.ts"],
    },
    {
      name: "a row that fails is dropped silently",
      file: "src/pipeline/score-chunk.ts",
      from: "quarantined: quarantined.length === 0 ? null : setAside(chunk, quarantined),",
      to: "quarantined: quarantined.length >= 0 ? null : setAside(chunk, quarantined),",
      tests: partition,
    },
    {
      name: "bisection forgets the second half",
      file: "src/pipeline/bisect.ts",
      from: "    await search(suspects.slice(middle));",
      to: "    if (bad.size === 0) await search(suspects.slice(middle));",
      tests: ["test/unit/pipeline/predict-rows.test.ts"],
    },
    {
      name: "the error budget is each partition's, not the run's",
      file: "src/execute-run.ts",
      from: "refuseOverspent(plan.job.rowPolicy, receipts, rows.read);",
      to: "refuseOverspent(plan.job.rowPolicy, receipts.slice(0, 1), rows.read);",
      tests: ["test/flow/execute-run.test.ts"],
    },
    {
      name: "a run that overspends goes on to its end",
      file: "src/dispatch-partitions.ts",
      from: "refuseOverspent(plan.job.rowPolicy, this.accepted, knownRows(plan.totals));",
      to: "refuseOverspent(plan.job.rowPolicy, [], knownRows(plan.totals));",
      tests: ["test/flow/execute-run.test.ts"],
    },
    {
      name: "receipts are published whose files hold other rows",
      file: "src/sinks/files/gather-files.ts",
      from: "if (written === rows.predicted && quarantined === rows.quarantined) continue;",
      to: "if (written >= 0 && quarantined >= 0) continue;",
      tests: ["test/adapters/file-sink-publish.test.ts"],
    },
    {
      name: "what was staged is not read back",
      file: "src/sinks/files/staged-parts.ts",
      from: "if (found === null || Buffer.compare(found, written) !== 0)",
      to: "if (found === null || found.byteLength > written.byteLength)",
      tests: ["test/adapters/file-sink-staging.test.ts"],
    },
  ],
  "that inputs are the planned ones": [
    {
      name: "a file that was written to is read",
      file: "src/sources/files/pinned-file.ts",
      from: "if (found.mtimeNs !== pinned.mtimeNs) throw",
      to: 'if (found.mtimeNs === "") throw',
      tests: ["test/adapters/file-source.test.ts"],
    },
    {
      name: "a file that was replaced is read",
      file: "src/sources/files/pinned-file.ts",
      from: "if (found.inode !== pinned.inode) throw",
      to: "if (found.inode === '') throw",
      tests: ["test/adapters/file-source.test.ts"],
    },
    {
      name: "a file may change while it is read",
      file: "src/sources/files/file-source.ts",
      from: "    // Written to while it was read: what was decoded may be a mixture.\n    checkIdentity(slice.file, await store.stat(path));\n",
      to: "",
      tests: ["test/adapters/file-source.test.ts"],
    },
    {
      name: "another model is scored with than was planned",
      file: "src/runtimes/onnx/pinned-file.ts",
      from: "if (found.sha256 !== asset.sha256)",
      to: "if (found.size !== asset.size)",
      tests: ["test/adapters/onnx-runtime.test.ts"],
    },
  ],
  "that compiled trees are the model": [
    {
      name: "a missing value goes the same way at every node",
      file: "src/runtimes/onnx/trees/ensemble.ts",
      from: "(nanTrue[i] !== 0) === test.trueIsGreater ? 1 : 0",
      to: "test.trueIsGreater ? 1 : 0",
      tests: ["test/adapters/compiled-trees.test.ts"],
    },
    {
      name: "a value equal to a strict threshold goes the other way",
      file: "src/runtimes/onnx/trees/ensemble.ts",
      from: "test.isStrict ? nextBelow(value) : value",
      to: "test.isStrict && value < 0 ? nextBelow(value) : value",
      tests: ["test/adapters/compiled-trees.test.ts"],
    },
    {
      name: "a model that does more than trees is compiled",
      file: "src/runtimes/onnx/trees/tree-model.ts",
      from: "node.input.length !== 1 || node.input[0] !== info.name",
      to: "node.input.length !== 1",
      tests: ["test/adapters/compiled-trees.test.ts"],
    },
  ],
  "what is published to a database": [
    {
      name: "rows are published whichever attempt staged them",
      file: "src/sinks/postgres/moving/move.ts",
      from: "`where a.run = ${run.sequence} and a.accepted` +",
      to: "`where a.run = ${run.sequence}` +",
      tests: databaseModes,
    },
    {
      name: "a run is decided again in the database",
      file: "src/sinks/postgres/record.ts",
      from: "on conflict (run) do nothing returning",
      to: "on conflict (run) do update set outcome = excluded.outcome returning",
      tests: ["test/conformance/postgres-sink.test.ts"],
    },
    {
      name: "versions advance only where values differ",
      file: "src/sinks/postgres/moving/moves.ts",
      from: 'const conflict = `on conflict (${keys}) do update set ${sets.join(", ")} where ${isOlder}`;',
      to: 'const values = columns.filter((one) => !key.includes(one)).map(quoteName);\n  const conflict = `on conflict (${keys}) do update set ${sets.join(", ")} where ${isOlder} and (${values.map((one) => `t.${one}`)}) is distinct from (${values.map((one) => `excluded.${one}`)})`;',
      tests: databaseModes,
    },
    {
      name: "an older run overwrites a newer one's row",
      file: "src/sinks/postgres/moving/moves.ts",
      from: 'const conflict = `on conflict (${keys}) do update set ${sets.join(", ")} where ${isOlder}`;',
      to: 'const conflict = `on conflict (${keys}) do update set ${sets.join(", ")}`;',
      tests: databaseModes,
    },
    {
      name: "staging does not outlive a crash of the server",
      file: "src/sinks/postgres/area.ts",
      from: "`create table ${table} (${[...own, ...theirs]",
      to: "`create unlogged table ${table} (${[...own, ...theirs]",
      tests: databaseCrashes,
    },
    {
      name: "counts of staged rows are not compared with receipts",
      file: "src/sinks/postgres/publish.ts",
      from: "or told.rows <> coalesce(counted.rows, 0) limit 1",
      to: "limit 1",
      tests: databaseModes,
    },
    {
      name: "a COMMIT without an answer counts as failed",
      file: "src/sinks/postgres/postgres-sink.ts",
      from: "|| tries === commitTries",
      to: "|| tries <= commitTries",
      tests: databaseCrashes,
    },
  ],
};
