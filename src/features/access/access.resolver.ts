/** Groups and permissions over GraphQL. */
import 'reflect-metadata'; // type-graphql needs it when a decorator runs
import {
  Arg,
  Ctx,
  Field,
  FieldResolver,
  ID,
  ObjectType,
  Query,
  Resolver,
  Root,
} from 'type-graphql';
import { parseFields, parseLookupName } from '../../core/parse.ts';
import { groupsOf, type RequestContext, requireActor } from '../../core/request-context.ts';
import { NodeType } from '../common-types.resolver.ts';
import { holdsPermission } from './access.ts';
import type { AccessLoadersOf } from './access-loaders.ts';

@ObjectType('Permission', { implements: NodeType })
export class PermissionType {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  codename!: string;

  @Field(() => String)
  name!: string;

  @Field(() => Boolean)
  isBuiltIn!: boolean;
}

@ObjectType('Group', { implements: NodeType })
export class GroupType {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  name!: string;

  @Field(() => String)
  description!: string;
}

@Resolver(() => GroupType)
export class GroupResolver {
  readonly #loadersOf: AccessLoadersOf;

  constructor(loadersOf: AccessLoadersOf) {
    this.#loadersOf = loadersOf;
  }

  @FieldResolver(() => [PermissionType])
  permissions(@Root() group: GroupType, @Ctx() context: RequestContext): Promise<PermissionType[]> {
    return this.#loadersOf(context).permissionsOfGroup.load(group.id);
  }
}

@Resolver()
export class AccessResolver {
  @Query(() => Boolean)
  hasGroup(@Arg('name', () => String) raw: string, @Ctx() context: RequestContext): boolean {
    const actor = requireActor(context);
    const { name } = parseFields({ name: () => parseLookupName(raw) });
    return groupsOf(actor).has(name);
  }

  @Query(() => Boolean)
  hasPermission(
    @Arg('permission', () => String) raw: string,
    @Ctx() context: RequestContext,
  ): boolean {
    const actor = requireActor(context);
    const { permission } = parseFields({ permission: () => parseLookupName(raw) });
    return holdsPermission(actor, permission);
  }
}
