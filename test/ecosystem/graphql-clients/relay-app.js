/** The operations of a Relay application. relay-compiler reads them from this file, which is not executed. */
import { graphql } from 'relay-runtime';

graphql`
  query appGroupsQuery($count: Int!) {
    ...appGroups @arguments(count: $count)
  }
`;

graphql`
  fragment appGroups on Query
  @argumentDefinitions(count: { type: "Int!" }, cursor: { type: "String" })
  @refetchable(queryName: "appGroupsPageQuery") {
    groups(first: $count, after: $cursor) @connection(key: "app_groups") {
      __id
      edges {
        node {
          id
          name
        }
      }
    }
  }
`;

graphql`
  fragment appUser on User @refetchable(queryName: "appUserRefetchQuery") {
    email
    firstName
    groups {
      name
    }
  }
`;

graphql`
  query appMeQuery {
    me {
      id
      ...appUser
    }
  }
`;

graphql`
  mutation appCreateGroupMutation($input: CreateGroupInput!) {
    createGroup(input: $input) {
      __typename
      ... on Group {
        id
        name
      }
      ... on Problem {
        code
      }
    }
  }
`;

graphql`
  mutation appDeleteGroupMutation($id: ID!, $connections: [ID!]!) {
    deleteGroup(id: $id) {
      __typename
      ... on Deletion {
        deletedId @deleteEdge(connections: $connections)
      }
      ... on Problem {
        code
      }
    }
  }
`;

graphql`
  mutation appDeletePermissionMutation($id: ID!) {
    deletePermission(id: $id) {
      ... on Deletion {
        deletedId @deleteRecord
      }
      ... on Problem {
        code
      }
    }
  }
`;
