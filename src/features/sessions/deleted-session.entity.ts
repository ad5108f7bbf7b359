/** What is left for a while of a session that was deleted: enough to tell others that it has ended. */
import { defineEntity, p } from '@mikro-orm/core';

const DeletedSessionSchema = defineEntity({
  name: 'DeletedSession',
  tableName: 'deleted_sessions',
  properties: {
    id: p.uuid().primary(),
    deletedAt: p.datetime().length(3).index('deleted_sessions_deleted_at_index'),
  },
});

/** Written by a trigger. */
export class DeletedSession extends DeletedSessionSchema.class {}
DeletedSessionSchema.setClass(DeletedSession);
