/* Job fields: the table of a job's specification and the types only a job has. For agent/job.c.
 *
 * memory   constant
 * threads  any
 */
#ifndef MUSTER_AGENT_JOB_FIELD_H
#define MUSTER_AGENT_JOB_FIELD_H

#include "agent/job.h"
#include "agent/schema.h"

#define JOB_ALWAYS 2 /* the first fields of the table are always written: name, kind */

extern const struct agent_schema job_schema;
extern const struct agent_job job_service; /* the defaults of a service */
extern const struct agent_schema_word job_kinds[];

extern const struct agent_schema_custom job_name_field;
extern const struct agent_schema_custom job_exec_field;
extern const struct agent_schema_custom job_shell_field;
extern const struct agent_schema_custom job_env_field;
extern const struct agent_schema_custom job_umask_field;
extern const struct agent_schema_custom job_ready_field;
extern const struct agent_schema_custom job_retry_field;
extern const struct agent_schema_custom job_exits_field;
extern const struct agent_schema_custom job_spread_field;
extern const struct agent_schema_custom job_match_field;
extern const struct agent_schema_custom job_cron_field;
extern const struct agent_schema_custom job_time_field;
extern const struct agent_schema_custom job_tz_field;
extern const struct agent_schema_custom job_after_field;
extern const struct agent_schema_custom job_payload_field;

#endif
